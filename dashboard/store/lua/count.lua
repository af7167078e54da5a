-- Add to a counter that expires; one that is not there, or is there no more, starts at nought.
--
-- KEYS[1] the counter
-- ARGV[1] what to add
-- ARGV[2] ms that a new counter lives
--
-- Output: the count
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
if count == tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return count
