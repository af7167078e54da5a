-- Bytewise comparison, as sorted sets order members of equal score; Lua's own `<` follows the server's locale.
local function bytes_less(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- How many members of a sorted set stand before (score, member) in ascending order, and 1 if it is there itself, else 0.
-- When the member has gone or moved, its place is found by binary search inside its block of equal scores.
local function place_of(key, score, member)
  local own = redis.call('ZSCORE', key, member)
  if own and tonumber(own) == tonumber(score) then return redis.call('ZRANK', key, member), 1 end
  local low = redis.call('ZCOUNT', key, '-inf', '(' .. score)
  local high = redis.call('ZCOUNT', key, '-inf', score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if bytes_less(redis.call('ZRANGE', key, middle, middle)[1], member) then low = middle + 1 else high = middle end
  end
  return low, 0
end
