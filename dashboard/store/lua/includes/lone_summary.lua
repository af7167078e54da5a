-- The summary of a session in which one run is put (see write_run.lua), from the one that we wrote last. What both say alike is kept as it
-- stands: numbers take long to be written out.

-- What a summary of ours says behind its head, nothing where it says anything out of the ordinary.
local function told_by(summary, head)
  local best, profit, best_hash, last, updated, last_hash = string.match(summary,
    '^,"runCount":%d+,"completedRuns":%d+,"errorCount":%d+(,"bestProfit":([-+.%deE]+),"bestConfigHash":"([^"\\]*)"),"avgProfit":[^,]+'
    .. '(,"lastUpdate":(%d+),"lastConfigHash":"([^"\\]*)","currentProfit":[^,]+,"currentStatus":"[^"\\]*"})$', #head + 1)
  return best and {
    best = best, profit = tonumber(profit), best_hash = best_hash, last = last, updated = tonumber(updated), last_hash = last_hash,
  }
end

-- What it says of the best run, once this one has its profit (`text` is how Python writes it): this one, or the best of the others.
local function best_with(told, ranks, hash, profit, text)
  local top = redis.call('ZREVRANGE', ranks, 0, 0, 'WITHSCORES')
  if top[1] == hash then top = redis.call('ZREVRANGE', ranks, 1, 1, 'WITHSCORES') end
  local score = tonumber(top[2] or '')
  if not score or profit > score or (profit == score and bytes_less(top[1], hash)) then
    return ',"bestProfit":' .. number_text_of(profit, text) .. ',"bestConfigHash":"' .. hash .. '"'
  elseif top[1] == told.best_hash and score == told.profit then return told.best end
  return ',"bestProfit":' .. number_text(score) .. ',"bestConfigHash":' .. cjson.encode(top[1])
end

-- The same of the run that was updated last; nothing where that is this one, and goes back in time. `time` is a whole number as text.
local function last_with(told, hash, status, profit, text, time)
  local updated = tonumber(time)
  if hash == told.last_hash and updated < told.updated then return nil end
  if updated < told.updated or (updated == told.updated and bytes_less(hash, told.last_hash)) then return told.last end
  if #time > 15 then time = number_text(updated) end
  return ',"lastUpdate":' .. time .. ',"lastConfigHash":"' .. hash .. '","currentProfit":' .. number_text_of(profit, text)
    .. ',"currentStatus":"' .. status .. '"}'
end

-- How many runs are completed, and their mean profit, once this one is counted among the `n` of its status, whose profits sum up to `sum`.
-- Each of these may have a profit (`are_all_ranked`); `wide` completed runs have one that is in no sum.
local function completed_with(stats, key, status, n, sum, are_all_ranked, is_new, wide)
  local ranks, ranked = key .. 'index:status:completed:profit', n
  if status ~= 'completed' then
    local theirs = redis.call('HMGET', stats, 'n:completed', 'sum:completed')
    n, sum, ranked = theirs[1] or 0, parts_of(theirs[2]), redis.call('ZCARD', ranks)
  elseif not are_all_ranked then ranked = redis.call('ZCARD', ranks) + (is_new and 1 or 0) end
  if ranked == 0 or tonumber(wide or 0) ~= 0 then return n, 'null' end
  return n, number_text(total_of(sum) / ranked)
end
