-- Look through some entries of an index that was put aside, for runs that the one in use does not name.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] the index put aside
-- ARGV[1] cursor, 0 to begin
-- ARGV[2] entries to look at, about
--
-- Output: cursor to go on with, 0 at the end, then the hashes
local commands = {set = 'SSCAN', zset = 'ZSCAN'}
local kind = redis.call('TYPE', KEYS[2]).ok
if not commands[kind] then return {'0'} end
local found = redis.call(commands[kind], KEYS[2], ARGV[1], 'COUNT', ARGV[2])
local answer, members = {found[1]}, {}
for i = 1, #found[2], kind == 'set' and 1 or 2 do members[#members + 1] = found[2][i] end
-- A small set answers all it has at once: in parts, as only so many arguments can be handed over.
for first = 1, #members, 1000 do
  local last = math.min(first + 999, #members)
  for i, is_member in ipairs(redis.call('SMISMEMBER', KEYS[1], unpack(members, first, last))) do
    if is_member == 0 then answer[#answer + 1] = members[first + i - 1] end
  end
end
return answer
