-- Mark the sweep table of a session as complete, if its other derived keys are.
--
-- KEYS[1] session:{sid}:index:stats
-- ARGV[1] layout version of the derived keys
--
-- Output: 1 done, 0 nothing done
if redis.call('HGET', KEYS[1], 'built') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'swept', 1)
return 1
