-- Read what the indexes of a session say of some runs.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] session:{sid}:bots:profit
-- KEYS[3] session:{sid}:index:rows
-- KEYS[4] session:{sid}:index:stats
-- KEYS[5] session:{sid}:index:deleting
-- ARGV[1] prefix of the fixed status sets
-- ARGV[2] version of the derived keys
-- ARGV[3] JSON: statuses whose set is looked at whether or not a run is known to have them
-- ARGV[4..] hashes, at most some hundred
--
-- Output: {being deleted, built, statuses, rows, is it in the set of runs, scores by profit, for each status: is it in its set}
local statuses, is_there = cjson.decode(ARGV[3]), {}
for _, status in ipairs(statuses) do is_there[status] = true end
for _, field in ipairs(redis.call('HKEYS', KEYS[4])) do
  local status = string.sub(field, 1, 2) == 'n:' and string.sub(field, 3)
  if status and not is_there[status] then statuses[#statuses + 1] = status end
end
local answer = {
  redis.call('EXISTS', KEYS[5]), tonumber(redis.call('HGET', KEYS[4], 'built') or 0) == tonumber(ARGV[2]) and 1 or 0, statuses,
  redis.call('HMGET', KEYS[3], unpack(ARGV, 4)), redis.call('SMISMEMBER', KEYS[1], unpack(ARGV, 4)),
  redis.call('ZMSCORE', KEYS[2], unpack(ARGV, 4)),
}
for _, status in ipairs(statuses) do
  answer[#answer + 1] = redis.call('SMISMEMBER', ARGV[1] .. status, unpack(ARGV, 4))
end
return answer
