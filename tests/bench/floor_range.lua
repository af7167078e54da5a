-- The floor of a filtered page: the leanest script that answers the best runs of a range of scores and their exact number,
-- from one sorted set, or from two merged.
--
-- KEYS[1] hash of rows
-- KEYS[2..] sorted sets
-- ARGV[1], ARGV[2] lowest and highest score
-- ARGV[3] rows wanted
--
-- Output: {count, rows}
local count, found = 0, {}
for i = 2, #KEYS do
  count = count + redis.call('ZCOUNT', KEYS[i], ARGV[1], ARGV[2])
  local flat = redis.call('ZREVRANGEBYSCORE', KEYS[i], ARGV[2], ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[3])
  for j = 1, #flat, 2 do found[#found + 1] = {flat[j], tonumber(flat[j + 1])} end
end
if #KEYS > 2 then table.sort(found, function(a, b) return a[2] > b[2] end) end
local members = {}
for i = 1, math.min(#found, tonumber(ARGV[3])) do members[i] = found[i][1] end
return {count, #members > 0 and redis.call('HMGET', KEYS[1], unpack(members)) or {}}
