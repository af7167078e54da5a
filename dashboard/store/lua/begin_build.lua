-- Begin to make a session's indexes anew: from now on every write of ours puts down which runs it changed.
--
-- KEYS[1] session:{sid}:index:stats
-- KEYS[2] session:{sid}:index:dirty
-- KEYS[3] session:{sid}:index:deleting
-- KEYS[4] bot_registry:session_current:{sid}
-- ARGV[1] token of the build
-- ARGV[2] where to put aside what was put down for an earlier build
-- ARGV[3] milliseconds without a sign of life after which nothing is put down any more, and the build is void
--
-- Output: {there was a summary or something of ours, a deletion of the session has not ended, revision of the session or ''}
local kind = redis.call('TYPE', KEYS[1]).ok
-- What a build that was killed has left there is nothing of the session's.
local is_known = redis.call('EXISTS', KEYS[4]) == 1 or (kind ~= 'none' and kind ~= 'hash')
  or (kind == 'hash' and redis.call('HLEN', KEYS[1]) > redis.call('HEXISTS', KEYS[1], 'building'))
-- Nothing in a key of another type can be part of what it should hold.
if kind ~= 'hash' and kind ~= 'none' then redis.call('UNLINK', KEYS[1]) end
redis.call('HSET', KEYS[1], 'building', ARGV[1])
-- What was put down for an earlier build: this one reads every record after now.
if redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('RENAME', KEYS[2], ARGV[2])
  redis.call('PERSIST', ARGV[2])
end
-- The empty member keeps the set alive while nothing is put down.
redis.call('SADD', KEYS[2], '')
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return {is_known and 1 or 0, redis.call('EXISTS', KEYS[3]), redis.call('HGET', KEYS[1], 'revision') or ''}
