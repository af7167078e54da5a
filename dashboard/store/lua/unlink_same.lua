-- Remove a key if it still holds what was read of it.
--
-- KEYS[1] any key
-- ARGV[1] sha1 of what DUMP answered
--
-- Output: 1 removed, 0 there was none, -1 it holds something else
local now = redis.call('DUMP', KEYS[1])
if not now then return 0 end
if redis.sha1hex(now) ~= ARGV[1] then return -1 end
redis.call('UNLINK', KEYS[1])
return 1
