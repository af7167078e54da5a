-- What is written once a batch of runs is flushed: the hash of stats, and the summary.

-- The run that was updated last, as far as the places know it: as last_updated in times.lua.
local function last_of(places)
  local last = top_of(places.updated)
  for _, status in ipairs(USUAL) do last = later(last, top_of(places.times[status])) end
  return last
end

-- What the summary says of the runs (see summary.lua) once a batch is flushed, from what the batch knows as far as that goes.
local function facts_after(batch, stats)
  local keys, places, states, figures = batch.keys, batch.places, batch.states, batch.figures
  local of_completed, last = places.statuses.completed, last_of(places)
  local hash = last[1]
  local status, profit
  -- What is derived from a record need not be what another program has put into the fixed index of profits.
  if hash and batch.is_single and states.rows[hash] then status, profit = states.statuses[hash], states.profits[hash]
  elseif hash then
    local row = redis.call('HGET', keys.rows, hash)
    status, profit = row and status_of(row, hash), redis.call('ZSCORE', keys.profit, hash)
  end
  return {
    runs = places.bots.size, completed = figures.completed or stats.figures.completed,
    ranked = of_completed and of_completed.profit.size or redis.call('ZCARD', keys.index_status_prefix .. 'completed:profit'),
    failed = figures.failed and figures.failed.n or stats.failed,
    best = top_of(places.profit), last = last, current_profit = profit, current_status = status,
  }
end

local function append(fields, name, value)
  local count = #fields
  fields[count + 1], fields[count + 2] = name, value
end

local function add_table(fields, sweep)
  append(fields, 'rows', sweep.rows)
  if sweep.is_new then
    append(fields, 'table', sweep.generation)
    append(fields, 'width', sweep.width)
  end
end

-- `version` is given where the derived keys are complete, `head` where a summary is to be written.
local function settle(batch, stats, version, head)
  local keys, fields = batch.keys, {'revision', batch.revision, 'in_tail', 0}
  if batch.sweep.is_changed then add_table(fields, batch.sweep) end
  for status, found in pairs(batch.figures) do
    -- Lua's stack ends at some 8,000.
    if #fields > 1000 then
      redis.call('HSET', keys.stats, unpack(fields))
      fields = {}
    end
    add_figures(fields, keys.stats, status, found)
  end
  if version and stats.built ~= version then
    append(fields, 'built', version)
    -- There was no run before these: the sweep table is complete, too.
    append(fields, 'swept', 1)
  end
  if head then
    local text = summary_text(head, facts_after(batch, stats))
    redis.call('SET', keys.summary, text)
    append(fields, 'summary_text', text)
    if head ~= stats.summary_head then append(fields, 'summary_head', head) end
  end
  if #fields > 0 then redis.call('HSET', keys.stats, unpack(fields)) end
end
