-- Sums (see doubles.lua) as they are stored: their parts as texts, with a blank between.

local function parts_of(text)
  text = text or ''
  -- Usually there are two or three; one by one they would take twice as long.
  local one, two, three = string.match(text, '^(%S+) (%S+) ?(%S*)$')
  -- An addition reads a text once, `tonumber` twice.
  if three == '' then return {one + 0, two + 0} end
  if three then return {one + 0, two + 0, three + 0} end
  local parts = {}
  for part in string.gmatch(text, '%S+') do parts[#parts + 1] = part + 0 end
  return parts
end

-- Put parts together into as few as hold the same sum, usually two or three (Shewchuk's compression): additions leave parts behind of
-- which several would fit into one, and each takes its time in every later addition and in being written out.
local function compress(parts)
  local count, larger, kept = #parts, {}, 0
  local sum = parts[count] or 0
  for i = count - 1, 1, -1 do
    local y = parts[i]
    local high = sum + y
    local back = high - sum
    local low = (sum - (high - back)) + (y - back)
    if low ~= 0 then
      larger[#larger + 1] = high
      sum = low
    else sum = high end
  end
  for i = #larger, 1, -1 do
    local y = larger[i]
    local high = sum + y
    local back = high - sum
    local low = (sum - (high - back)) + (y - back)
    if low ~= 0 then
      kept = kept + 1
      parts[kept] = low
    end
    sum = high
  end
  if sum ~= 0 then
    kept = kept + 1
    parts[kept] = sum
  end
  for i = kept + 1, count do parts[i] = nil end
end

local function text_of(parts)
  compress(parts)
  local count = #parts
  -- One by one they would take twice as long.
  if count == 1 then return string.format('%.17g', parts[1])
  elseif count == 2 then return string.format('%.17g %.17g', parts[1], parts[2])
  elseif count == 3 then return string.format('%.17g %.17g %.17g', parts[1], parts[2], parts[3]) end
  local texts = {}
  for i, part in ipairs(parts) do texts[i] = string.format('%.17g', part) end
  return table.concat(texts, ' ')
end

-- The sum as one double.
local function total_of(parts)
  local sum = 0
  for _, part in ipairs(parts) do sum = sum + part end
  return sum
end

-- The shortest text that reads back as an equal double; JSON has no infinities. A sorted set keeps 0 where -0 is written over it, and
-- servers write -0 in two ways: here it is 0.
local function number_text(x)
  x = tonumber(x)
  if not x or x ~= x or x == math.huge or x == -math.huge then return 'null' end
  if x == 0 then return '0' end
  local text = string.format('%.15g', x)
  if text + 0 == x then return text end
  text = string.format('%.16g', x)
  return text + 0 == x and text or string.format('%.17g', x)
end

-- The same of a double of which Python's text is at hand: between 0.0001 and 1e16 both write it alike unless it is whole.
local function number_text_of(x, text)
  return x * x >= 1e-8 and string.find(text, '^%-?%d+%.%d*[1-9]$') and text or number_text(x)
end
