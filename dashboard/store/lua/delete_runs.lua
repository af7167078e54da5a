-- Remove records of a session that is being deleted; the session may have been made again meanwhile: what its index names stays.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] session:{sid}:index:deleting
-- ARGV[1] prefix of the records
-- ARGV[2] prefix of the trades
-- ARGV[3..] hashes, at most some thousand
--
-- Output: number of records removed
local removed = 0
for i = 3, #ARGV do
  if redis.call('SISMEMBER', KEYS[1], ARGV[i]) == 0 then
    removed = removed + redis.call('UNLINK', ARGV[1] .. ARGV[i])
    redis.call('UNLINK', ARGV[2] .. ARGV[i])
  end
  redis.call('SREM', KEYS[2], ARGV[i])
end
return removed
