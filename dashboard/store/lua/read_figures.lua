-- Read what an aggregate over whole statuses needs, from the figures kept by every write: constant cost, one round trip.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] session:{sid}:index:stats
-- KEYS[3] bot_registry:session_current:{sid}
-- KEYS[4] the sorted set of the runs' profits: of the session, or of the one status asked for
-- KEYS[5] session:{sid}:index:rows
-- KEYS[6] session:{sid}:bots:profit
-- KEYS[7] session:{sid}:index:unranked
-- ARGV[1] layout version of the derived keys
--
-- Output: {'missing'}, {'unbuilt', cardinality}, or {'figures', flat stats, number of profits, lowest and highest (member,
--   score), the one or two profits in the middle, stale}
if (redis.call('HGET', KEYS[2], 'built') or '') ~= ARGV[1] then
  local bots = redis.call('SCARD', KEYS[1])
  if bots > 0 then return {'unbuilt', bots} end
  if redis.call('EXISTS', KEYS[2], KEYS[3]) == 0 then return {'missing'} end
end
local count = redis.call('ZCARD', KEYS[4])
local middle = {}
if count > 0 then
  middle = redis.call('ZRANGE', KEYS[4], math.floor((count - 1) / 2), math.floor(count / 2), 'WITHSCORES')
end
local indexed, profits = redis.call('HLEN', KEYS[5]), KEYS[4] == KEYS[6] and count or redis.call('ZCARD', KEYS[6])
local is_stale = redis.call('SCARD', KEYS[1]) ~= indexed or profits + redis.call('ZCARD', KEYS[7]) ~= indexed
return {
  'figures', redis.call('HGETALL', KEYS[2]), count, redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES'),
  redis.call('ZREVRANGE', KEYS[4], 0, 0, 'WITHSCORES'), middle, is_stale and 1 or 0,
}
