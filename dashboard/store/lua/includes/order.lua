-- The rank, from low to high, of the first member that is not less than the given one, among members of equal score: looked for
-- around a guess in steps that double, so that a good guess takes two of them, or without one in the middle.
local function rank_between(key, low, high, member, guess)
  local at, step = guess or math.floor((low + high) / 2), 1
  local has_low, has_high = not guess, not guess
  while low < high do
    at = math.min(math.max(at, low), high - 1)
    if bytes_less(redis.call('ZRANGE', key, at, at)[1], member) then low, has_low = at + 1, true
    else high, has_high = at, true end
    if has_low and has_high then at = math.floor((low + high) / 2)
    elseif has_low then at, step = low + step - 1, step * 2
    else at, step = high - step, step * 2 end
  end
  return low
end

-- How many members of a sorted set stand before (score, member) in ascending order, and 1 if it is there itself, else 0.
-- When the member has gone or moved, its place is looked for inside its block of equal scores, around `guess` if there is one.
local function place_of(key, score, member, guess)
  local own = redis.call('ZSCORE', key, member)
  if own and tonumber(own) == tonumber(score) then return redis.call('ZRANK', key, member), 1 end
  local low = redis.call('ZCOUNT', key, '-inf', '(' .. score)
  local high = redis.call('ZCOUNT', key, '-inf', score)
  return rank_between(key, low, high, member, guess), 0
end
