-- Free some entries of a key that nobody uses any more, and the key with the last of them.
--
-- KEYS[1] a key that was put aside, of any type
-- ARGV[1] cursor, 0 to begin
-- ARGV[2] entries of a hash to free, about; twice as many of a set, four times of a sorted set take no longer
--
-- Output: cursor to go on with, '' when nothing is left of it
local kind, count, cursor = redis.call('TYPE', KEYS[1]).ok, tonumber(ARGV[2]), '0'
if kind == 'zset' then redis.call('ZREMRANGEBYRANK', KEYS[1], 0, 4 * count - 1)
elseif kind == 'list' then redis.call('LTRIM', KEYS[1], count, -1)
elseif kind == 'set' or kind == 'hash' then
  local is_hash, found = kind == 'hash', nil
  if is_hash then cursor, found = unpack(redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', count))
  else cursor, found = unpack(redis.call('SSCAN', KEYS[1], ARGV[1], 'COUNT', 2 * count)) end
  local names = found
  if is_hash then
    names = {}
    for i = 1, #found, 2 do names[#names + 1] = found[i] end
  end
  -- A small one answers all it has at once: in parts, as only so many arguments can be handed over.
  for first = 1, #names, 1000 do
    local last = math.min(first + 999, #names)
    if is_hash then redis.call('HDEL', KEYS[1], unpack(names, first, last)) else redis.call('SREM', KEYS[1], unpack(names, first, last)) end
  end
else redis.call('UNLINK', KEYS[1]) end
return redis.call('EXISTS', KEYS[1]) == 1 and cursor or ''
