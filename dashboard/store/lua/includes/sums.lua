-- Sums of profits and of their squares (see doubles.lua), over a batch of changes.

-- Have a profit added to sums, or with sign -1 taken out: done by `add_up`, for all that wait.
local function sum_profit(sums, x, sign)
  local name = sign > 0 and 'added' or 'removed'
  local waiting = sums[name]
  if waiting then waiting[#waiting + 1] = x else sums[name] = {x} end
end

-- Add what waits. Of each sum two doubles take up nearly everything on the way, so that few additions walk the list; all is in one
-- loop: it is the most of what a batch computes.
local function add_up(sums)
  local sum, sq = sums.sum, sums.sq
  local high, low, square, under, rest, beneath = 0, 0, 0, 0, 0, 0
  for sign = -1, 1, 2 do
    local waiting = sums[sign > 0 and 'added' or 'removed'] or {}
    for i = 1, #waiting do
      local x = waiting[i]
      if x > WIDE or x < -WIDE then sums.wide = sums.wide + sign
      else
        local y, split = x * x, 134217729 * x
        local half = split - (split - x)
        local other = x - half
        local z = sign * (((half * half - y) + 2 * half * other) + other * other)
        x, y = sign * x, sign * y
        local all = high + x
        local back = all - high
        local lost = (high - (all - back)) + (x - back)
        high = all
        if lost ~= 0 then
          all = low + lost
          back = all - low
          x = (low - (all - back)) + (lost - back)
          low = all
          if x ~= 0 then add_to(sum, x) end
        end
        all = square + y
        back = all - square
        lost = (square - (all - back)) + (y - back)
        square = all
        if lost ~= 0 then
          all = under + lost
          back = all - under
          y = (under - (all - back)) + (lost - back)
          under = all
          if y ~= 0 then add_to(sq, y) end
        end
        all = rest + z
        back = all - rest
        lost = (rest - (all - back)) + (z - back)
        rest = all
        if lost ~= 0 then
          all = beneath + lost
          back = all - beneath
          z = (beneath - (all - back)) + (lost - back)
          beneath = all
          if z ~= 0 then add_to(sq, z) end
        end
      end
    end
  end
  sums.added, sums.removed = nil, nil
  add_to(sum, low)
  add_to(sum, high)
  for _, part in ipairs({beneath, rest, under, square}) do add_to(sq, part) end
end
