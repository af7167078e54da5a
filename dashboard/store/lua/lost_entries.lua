-- Look through some entries of an index that was put aside, for runs that the one in use does not name.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] the index put aside, which nobody changes
-- ARGV[1] cursor, 0 to begin
-- ARGV[2] entries to look at, about
--
-- Output: cursor to go on with, 0 at the end, then the hashes
local kind, count, cursor, members = redis.call('TYPE', KEYS[2]).ok, tonumber(ARGV[2]), '0', {}
if kind == 'set' then
  cursor, members = unpack(redis.call('SSCAN', KEYS[2], ARGV[1], 'COUNT', count))
elseif kind == 'zset' then
  -- By rank, as ZSCAN would write out every score.
  members = redis.call('ZRANGE', KEYS[2], ARGV[1], ARGV[1] + count - 1)
  if #members == count then cursor = string.format('%.0f', ARGV[1] + count) end
end
local answer = {cursor}
-- A small set answers all it has at once: in parts, as only so many arguments can be handed over.
for first = 1, #members, 1000 do
  for i, is_member in ipairs(redis.call('SMISMEMBER', KEYS[1], unpack(members, first, math.min(first + 999, #members)))) do
    if is_member == 0 then answer[#answer + 1] = members[first + i - 1] end
  end
end
return answer
