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

-- Add a profit that is not beyond WIDE to the sums of profits and of their squares, or with sign -1 take it out.
local function add_profit(sum, squares, x, sign)
  local product, split = x * x, 134217729 * x
  local high = split - (split - x)
  local low = x - high
  add_to(sum, sign * x)
  add_to(squares, sign * (((high * high - product) + 2 * high * low) + low * low))
  add_to(squares, sign * product)
end
