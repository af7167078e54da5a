-- Remove records of a session that is being deleted; the session may have been made again meanwhile: what its index names stays.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] session:{sid}:index:deleting
-- ARGV[1] prefix of the records
-- ARGV[2] prefix of the trades
-- ARGV[3..] hashes, at most some hundred
--
-- Output: number of runs that went: they were on the list, or there was a record
local gone = 0
for i = 3, #ARGV do
  local removed = 0
  if redis.call('SISMEMBER', KEYS[1], ARGV[i]) == 0 then
    removed = redis.call('UNLINK', ARGV[1] .. ARGV[i])
    redis.call('UNLINK', ARGV[2] .. ARGV[i])
  end
  gone = gone + math.max(removed, redis.call('SREM', KEYS[2], ARGV[i]))
end
return gone
