-- The session summary, written from the indexes by the script that changed them. Its text is put together from a head (the
-- fields that are not counted: symbol to notes and whatever else its writer had) and the counted figures, so that nothing of
-- another program's passes through a lossy decoder. `head` comes from Python when somebody else wrote the summary meanwhile.

-- The stored summary and its sha1; both '' when there is none, or nothing that is text.
local function stored_summary(keys)
  local text = redis.pcall('GET', keys.summary)
  if type(text) ~= 'string' or text == '' then return '', '' end
  return text, redis.sha1hex(text)
end

local function json_text(value)
  return value and cjson.encode(value) or 'null'
end

-- `kept` is an average to leave as it is (a text), if any; what follows are further fields for the hash of stats.
local function write_summary(keys, head, completed, kept, ...)
  local best = redis.call('ZREVRANGE', keys.profit, 0, 0, 'WITHSCORES')
  local last = redis.call('ZREVRANGE', keys.updated, 0, 0, 'WITHSCORES')
  local row = last[1] and redis.call('HGET', keys.rows, last[1])
  local average = kept or 'null'
  local ranked = redis.call('ZCARD', keys.index_status_prefix .. 'completed:profit')
  if not kept and ranked > 0 and completed.wide == 0 then average = number_text(total_of(completed.sum) / ranked) end
  local text = table.concat({
    head, ',"runCount":', redis.call('SCARD', keys.bots),
    ',"completedRuns":', completed.n,
    ',"errorCount":', redis.call('HGET', keys.stats, 'n:failed') or 0,
    ',"bestProfit":', number_text(best[2]), ',"bestConfigHash":', json_text(best[1]),
    ',"avgProfit":', average,
    ',"lastUpdate":', number_text(last[2]), ',"lastConfigHash":', json_text(last[1]),
    ',"currentProfit":', number_text(last[1] and redis.call('ZSCORE', keys.profit, last[1])),
    ',"currentStatus":', json_text(row and status_of(row)), '}',
  })
  redis.call('SET', keys.summary, text)
  redis.call('HSET', keys.stats, 'summary_sha', redis.sha1hex(text), 'summary_head', head, ...)
end
