-- What a list is merged from, and where a position stands in it.

-- How many members of each source were before the run of the position when that was made, if anybody knows.
local guesses = {}
for offset in string.gmatch(ARGV[10], '%d+') do guesses[#guesses + 1] = tonumber(offset) end
if 3 * #guesses ~= #KEYS - 6 then guesses = {} end

-- A source, of that number: n members from ascending rank lo on; offsets count in list order.
local function source_of(number, key, card, falling, is_ranged)
  local lo, hi = 0, card
  if is_ranged and min ~= '' then lo = redis.call('ZCOUNT', key, '-inf', '(' .. min) end
  if is_ranged and max ~= '' then hi = redis.call('ZCOUNT', key, '-inf', max) end
  return {number = number, key = key, falling = falling, lo = lo, hi = hi, card = card, n = math.max(0, hi - lo)}
end

-- Members strictly before the position, and before or at it, in list order.
local function offsets_at(source, score)
  local guess = guesses[source.number]
  if guess then guess = source.falling and source.hi - guess or source.lo + guess end
  local rank, present = place_of(source.key, score, ARGV[9], guess)
  local before, passed = rank - source.lo, rank + present - source.lo
  if source.falling then before, passed = source.hi - rank - present, source.hi - rank end
  return math.min(math.max(before, 0), source.n), math.min(math.max(passed, 0), source.n)
end

-- The same of a part of the list: offsets for each of its sources, and their sums. Part 1 is the ranked runs, 2 the rest.
local function stand(sources, part)
  local before, passed, sums = {}, {}, {0, 0}
  for i, source in ipairs(sources) do
    local low, high = 0, 0
    if at == part then low, high = offsets_at(source, part == '1' and ARGV[8] or '0')
    elseif (at == '0' and backward) or (at == '2' and part == '1') then low, high = source.n, source.n end
    before[i], passed[i], sums[1], sums[2] = low, high, sums[1] + low, sums[2] + high
  end
  return before, passed, sums[1], sums[2]
end

-- Members of a source, `want` after (or, backward, before) an offset of its list, with their scores.
local function fetch(source, offset, want)
  local first, last = offset, math.min(offset + want, source.n) - 1
  if backward then first, last = math.max(0, offset - want), offset - 1 end
  if last < first then return {} end
  if source.falling then
    local skip = source.card - source.hi
    return redis.call('ZREVRANGE', source.key, skip + first, skip + last, 'WITHSCORES')
  end
  return redis.call('ZRANGE', source.key, source.lo + first, source.lo + last, 'WITHSCORES')
end

-- Members of a part of the list, the scores of all of them, and how many are of each source.
local function read_part(sources, offsets, want)
  if want <= 0 or #sources == 0 then return {}, {}, {} end
  local flats, left, total = {}, {}, 0
  for i, source in ipairs(sources) do
    left[i] = backward and offsets[i] or source.n - offsets[i]
    total = total + left[i]
  end
  -- As many of each as it has a share in what is left, and a few: all that may be needed would be most of the work.
  for i, source in ipairs(sources) do
    local share = #sources > 1 and math.ceil(want * left[i] / math.max(total, 1)) + 3 or want
    flats[i] = fetch(source, offsets[i], math.min(share, want))
  end
  local used = {}
  return merge(flats, sources[1].falling, want, backward, function(i, others)
    used[i] = (used[i] or 0) + #flats[i] / 2
    if used[i] == left[i] then return {} end
    return fetch(sources[i], backward and offsets[i] - used[i] or offsets[i] + used[i], others)
  end)
end

-- Offsets of sources moved by what was read of each, as a text: those of the sources that have nothing are 0.
local function places_text(sources, offsets, counts, sign)
  local places = {}
  for number = 1, (#KEYS - 6) / 3 do places[number] = 0 end
  for i, source in ipairs(sources) do places[source.number] = offsets[i] + sign * (counts[i] or 0) end
  return table.concat(places, ' ')
end
