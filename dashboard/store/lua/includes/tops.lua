-- Sorted sets of which a script wants to know the highest entry once it has changed them: `top` of a place (see places.lua) is
-- {hash, score}, empty when there is none, nothing when only the server can tell.

-- The place of a sorted set whose highest entry is asked for afterwards; of its size no more is known than whether it is empty.
local function place_with_top(key)
  local top = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')
  return {key = key, kind = 'Z', size = top[1] and math.huge or 0, top = top, count = 0}
end

-- What the highest entry is once these are added, nothing when only the server can tell.
local function top_with(top, added)
  if #added ~= 2 then return nil end
  local score, best = tonumber(added[1]), tonumber(top[2] or '')
  if not best or score > best then return {added[2], added[1]} end
  if score == best or added[2] == top[1] then return nil end
  return top
end

local function top_of(place)
  return place.top or (place.size > 0 and redis.call('ZREVRANGE', place.key, 0, 0, 'WITHSCORES')) or {}
end
