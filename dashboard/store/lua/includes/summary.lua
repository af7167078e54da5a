-- The session summary, written from the indexes by the script that changed them. Its text is put together from a head (the
-- fields that are not counted: symbol to notes and whatever else its writer had) and the counted figures, so that nothing of
-- another program's passes through a lossy decoder. `head` comes from Python when somebody else wrote the summary meanwhile.

-- The stored summary, '' when there is none, or nothing that is text.
local function stored_summary(keys)
  local text = redis.pcall('GET', keys.summary)
  return type(text) == 'string' and text or ''
end

-- Whether a stored summary is the one that the sha1 in hand is of: '' of none.
local function is_summary_of(text, sha)
  if text == '' or sha == '' then return text == sha end
  return redis.sha1hex(text) == sha
end

local function json_text(value)
  return value and cjson.encode(value) or 'null'
end

-- Put a summary together; what it says of runs is in `facts`: runs, completed (figures), ranked (completed runs with a profit), failed,
-- best and last ({hash, score}, empty when there is none), current_profit and current_status (of the last). `kept` is an average to
-- leave as it is (a text), if any.
local function summary_text(head, facts, kept)
  local best, last, completed = facts.best, facts.last, facts.completed
  local average = kept or 'null'
  if not kept and facts.ranked > 0 and completed.wide == 0 then average = number_text(total_of(completed.sum) / facts.ranked) end
  return table.concat({
    head, ',"runCount":', facts.runs, ',"completedRuns":', completed.n, ',"errorCount":', facts.failed,
    ',"bestProfit":', number_text(best[2]), ',"bestConfigHash":', json_text(best[1]),
    ',"avgProfit":', average,
    ',"lastUpdate":', number_text(last[2]), ',"lastConfigHash":', json_text(last[1]),
    ',"currentProfit":', number_text(facts.current_profit),
    ',"currentStatus":', json_text(facts.current_status), '}',
  })
end

-- Write the summary from what the indexes hold.
local function write_summary(keys, head, kept)
  local last = last_updated(keys)
  local row = last[1] and redis.call('HGET', keys.rows, last[1])
  local text = summary_text(head, {
    runs = redis.call('SCARD', keys.bots), completed = load_figures(keys.stats, 'completed'),
    ranked = redis.call('ZCARD', keys.index_status_prefix .. 'completed:profit'),
    failed = redis.call('HGET', keys.stats, 'n:failed') or 0,
    best = redis.call('ZREVRANGE', keys.profit, 0, 0, 'WITHSCORES'), last = last,
    current_profit = last[1] and redis.call('ZSCORE', keys.profit, last[1]),
    current_status = row and status_of(row, last[1]),
  }, kept)
  redis.call('SET', keys.summary, text)
  redis.call('HSET', keys.stats, 'summary_text', text, 'summary_head', head)
end
