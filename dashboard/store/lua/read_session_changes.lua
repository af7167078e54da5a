-- Read what changed in the list of sessions since a number.
--
-- KEYS[1] bot_registry:sessions
-- KEYS[2] bot_registry:sessions:gone
-- KEYS[3] bot_registry:sessions:state
-- KEYS[4] bot_registry:sessions:discovered
-- KEYS[5] bot_registry:sessions:checked
-- ARGV[1] sessions changed after this number are answered
-- ARGV[2] sessions deleted after this number are answered
-- ARGV[3] most changed sessions to answer, those changed first
--
-- Output: {which data set this is, number of the last change, number up to which deletions are forgotten, whether a search for
--   foreign sessions was ever made, whether the last one is recent, whether the last check is, {sid, number, ...}, {sid, ...}}
local state = redis.call('HMGET', KEYS[3], 'epoch', 'number', 'forgotten', 'searched')
-- A server that was started again, or another one in its place, may have lost what was last seen: its history has a new name.
local info = redis.pcall('INFO', 'replication')
local history = type(info) == 'string' and string.match(info, 'master_replid:(%x+)') or ''
return {
  history .. ' ' .. (state[1] or ''), state[2] or '0', state[3] or '0', state[4] or '', redis.call('EXISTS', KEYS[4]),
  redis.call('EXISTS', KEYS[5]),
  redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3]),
  redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[2], '+inf'),
}
