-- Give a build up: nobody needs to know any more what our writers change.
--
-- KEYS[1] session:{sid}:index:stats
-- KEYS[2] session:{sid}:index:dirty
-- ARGV[1] token of the build
-- ARGV[2] where to put aside what was put down for it
--
-- Output: the generation of the sweep table in use, '' none: from now on this build cannot exchange it any more
if redis.pcall('HGET', KEYS[1], 'building') == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'building')
  if redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('RENAME', KEYS[2], ARGV[2])
    redis.call('PERSIST', ARGV[2])
  end
end
local generation = redis.pcall('HGET', KEYS[1], 'table')
return type(generation) == 'string' and generation or ''
