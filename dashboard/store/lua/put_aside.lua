-- Put keys of a session that was deleted aside, to be freed in steps; not if it was made again meanwhile.
--
-- KEYS[1] session:{sid}:bots
-- ARGV[1] what the keys begin with
-- ARGV[2] what they begin with afterwards, which no key does by now
-- ARGV[3..] keys, at most some hundred
--
-- Output: number of keys put aside
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local count = 0
for i = 3, #ARGV do
  if redis.call('EXISTS', ARGV[i]) == 1 then
    redis.call('RENAME', ARGV[i], ARGV[2] .. string.sub(ARGV[i], #ARGV[1] + 1))
    count = count + 1
  end
end
return count
