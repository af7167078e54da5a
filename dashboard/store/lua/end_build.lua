-- Give a build up: nobody needs to know any more what our writers change.
--
-- KEYS[1] session:{sid}:index:stats
-- KEYS[2] session:{sid}:index:dirty
-- ARGV[1] token of the build
-- ARGV[2] where to put aside what was put down for it
--
-- Output: 1 done, 0 nothing done: it is not the one going on
if redis.pcall('HGET', KEYS[1], 'building') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'building')
if redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('RENAME', KEYS[2], ARGV[2])
  redis.call('PERSIST', ARGV[2])
end
return 1
