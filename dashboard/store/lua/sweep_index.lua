-- Take out of one derived sorted set every given member whose row says that it does not belong there.
--
-- KEYS[1] session:{sid}:index:rows
-- KEYS[2] the sorted set
-- ARGV[1] the status it is for, '' for every status
-- ARGV[2..] members, at most some thousand
--
-- Output: number of members taken out
--- @include "rows"
local taken = 0
for i = 2, #ARGV do
  local row = redis.call('HGET', KEYS[1], ARGV[i])
  if not row or (ARGV[1] ~= '' and status_of(row) ~= ARGV[1]) then
    taken = taken + redis.call('ZREM', KEYS[2], ARGV[i])
  end
end
return taken
