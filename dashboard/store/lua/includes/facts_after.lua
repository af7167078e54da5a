-- What the summary says of the runs (see summary.lua) once a batch is flushed, from what the batch knows as far as that goes.
local function facts_after(batch, stats)
  local keys, places, states, figures = batch.keys, batch.places, batch.states, batch.figures
  local of_completed, last = places.statuses.completed, top_of(places.updated)
  local hash = last[1]
  local row, profit = hash and states.rows[hash], nil
  -- What is derived from a record need not be what another program put into the fixed index of profits.
  if row and batch.is_single then profit = states.profits[hash]
  elseif hash then
    row, profit = redis.call('HGET', keys.rows, hash), redis.call('ZSCORE', keys.profit, hash)
  end
  return {
    runs = places.bots.size, completed = figures.completed or stats.figures.completed,
    ranked = of_completed and of_completed.profit.size or redis.call('ZCARD', keys.index_status_prefix .. 'completed:profit'),
    failed = figures.failed and figures.failed.n or stats.failed,
    best = top_of(places.profit), last = last, current_profit = profit, current_row = row,
  }
end
