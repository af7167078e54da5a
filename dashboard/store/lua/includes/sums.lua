-- Sums that are exact: each is kept as doubles that do not overlap (Shewchuk 1997, as Python's math.fsum keeps them), so that
-- adding a profit and taking it away again leaves what was there, whatever else is or was in the sum. Squares are exact
-- products (Dekker 1971). Profits beyond WIDE would overflow as squares: they are counted instead, and whoever reads sums then
-- adds up the scores.
local WIDE = 1e150

-- Add x to a list of doubles, smallest first; what each addition loses is exact (Knuth's two-sum, whichever is larger).
local function add_to(parts, x)
  local kept, count = 0, #parts
  for i = 1, count do
    local y = parts[i]
    local high = x + y
    local back = high - x
    local low = (x - (high - back)) + (y - back)
    if low ~= 0 then
      kept = kept + 1
      parts[kept] = low
    end
    x = high
  end
  if x ~= 0 then
    kept = kept + 1
    parts[kept] = x
  end
  for i = kept + 1, count do parts[i] = nil end
end

-- Add many doubles to such a list: two of them take up nearly everything on the way, so that few additions walk the list.
local function add_all(parts, values)
  local high, low = 0, 0
  for i = 1, #values do
    local x = values[i]
    local sum = high + x
    local back = sum - high
    local lost = (high - (sum - back)) + (x - back)
    high = sum
    if lost ~= 0 then
      sum = low + lost
      back = sum - low
      x = (low - (sum - back)) + (lost - back)
      low = sum
      if x ~= 0 then add_to(parts, x) end
    end
  end
  add_to(parts, low)
  add_to(parts, high)
end

-- The sum as one double.
local function total_of(parts)
  local sum = 0
  for _, part in ipairs(parts) do sum = sum + part end
  return sum
end

-- The shortest text that reads back as the same double; JSON has no infinities.
local function number_text(x)
  x = tonumber(x)
  if not x or x ~= x or x == math.huge or x == -math.huge then return 'null' end
  local text = string.format('%.15g', x)
  if text + 0 == x then return text end
  text = string.format('%.16g', x)
  return text + 0 == x and text or string.format('%.17g', x)
end

-- Have a profit added to sums, or with sign -1 taken out: done by `add_up`, for all that wait.
local function sum_profit(sums, x, sign)
  local waiting = sums.waiting
  if not waiting then
    sums.waiting = {x, sign}
    return
  end
  local count = #waiting
  waiting[count + 1], waiting[count + 2] = x, sign
end

local function add_up(sums)
  local waiting = sums.waiting
  if not waiting then return end
  local profits, products, rests, count = {}, {}, {}, 0
  for i = 1, #waiting, 2 do
    local x, sign = waiting[i], waiting[i + 1]
    if x > WIDE or x < -WIDE then sums.wide = sums.wide + sign
    else
      local product, split = x * x, 134217729 * x
      local high = split - (split - x)
      local low = x - high
      count = count + 1
      profits[count], products[count] = sign * x, sign * product
      rests[count] = sign * (((high * high - product) + 2 * high * low) + low * low)
    end
  end
  sums.waiting = nil
  add_all(sums.sum, profits)
  add_all(sums.sq, rests)
  add_all(sums.sq, products)
end
