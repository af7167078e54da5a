-- The floor of a page: the leanest script that answers these rows and their exact number. It knows the rank beforehand, checks
-- nothing, merges nothing, and tells no neighbour.
--
-- KEYS[1] sorted set
-- KEYS[2] hash of rows
-- ARGV[1], ARGV[2] first and last rank, from the highest score down
--
-- Output: {count, rows}
local members = redis.call('ZREVRANGE', KEYS[1], ARGV[1], ARGV[2])
return {redis.call('ZCARD', KEYS[1]), redis.call('HMGET', KEYS[2], unpack(members))}
