-- Read one page of a ranked list: first every run that has the sort value, in order, then those without, by configHash.
-- A list is the merge of one or more sources (one a status); each costs O(log N + page), at any depth and inside any tie.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] session:{sid}:index:rows
-- KEYS[3] session:{sid}:index:stats
-- KEYS[4] bot_registry:session_current:{sid}
-- KEYS[5] session:{sid}:bots:profit
-- KEYS[6] session:{sid}:index:unranked
-- then for each source: its sorted set of ranked runs, its sorted set of runs without the value, and the fixed set that
--   must be as large as both (the bots of the session, or of one status)
-- ARGV[1] JSON: descending, backward, limit, version, at (0 start or end, 1 among the ranked, 2 behind them), score, min, max
--   (texts or absent; with either, runs without the value are left out), rows (false: members only)
-- ARGV[2] the member to go on from
--
-- Output: {'missing'} no such session, {'unbuilt', cardinality} derived keys not there yet, or {'page', revision, count,
--   preceding (runs before the first of the page), has_previous, has_next, stale, members, scores ('' without; with rows
--   those of the first and the last member alone), rows}
--- @include "order"
--- @include "merge"

local options, member = cjson.decode(ARGV[1]), ARGV[2]
local descending, limit = options.descending, options.limit
-- One source needs no merging, and a page with rows no scores but those of its ends: writing them out would cost the most.
local is_lean = options.rows and #KEYS == 9

-- A source: n members from ascending rank lo on; offsets count in list order.
local function source_of(key, falling, min, max)
  local lo = min and redis.call('ZCOUNT', key, '-inf', '(' .. min) or 0
  local card = redis.call('ZCARD', key)
  local hi = max and redis.call('ZCOUNT', key, '-inf', max) or card
  return {key = key, falling = falling, lo = lo, hi = hi, card = card, n = math.max(0, hi - lo)}
end

-- Members strictly before the position, and before or at it, in list order.
local function offsets_at(source, score)
  local rank, present = place_of(source.key, score, member)
  local before, passed = rank - source.lo, rank + present - source.lo
  if source.falling then before, passed = source.hi - rank - present, source.hi - rank end
  return math.min(math.max(before, 0), source.n), math.min(math.max(passed, 0), source.n)
end

-- Members of a source from offset `first` to `last` of its list; `...` is WITHSCORES or nothing.
local function fetch(source, first, last, ...)
  if last < first then return {} end
  if source.falling then
    local skip = source.card - source.hi
    return redis.call('ZREVRANGE', source.key, skip + first, skip + last, ...)
  end
  return redis.call('ZRANGE', source.key, source.lo + first, source.lo + last, ...)
end

-- Offsets of the `want` entries after (or, backward, before) an offset of a source.
local function bounds(source, offset, want, backward)
  if backward then return math.max(0, offset - want), offset - 1 end
  return offset, math.min(offset + want, source.n) - 1
end

-- The part of a list: `want` entries after (or, backward, before) the given offsets of its sources, in list order, as
-- {member, score}; lean: the members alone.
local function read_part(sources, offsets, want, backward)
  if is_lean and #sources == 1 then return fetch(sources[1], bounds(sources[1], offsets[1], want, backward)) end
  local flats = {}
  for i, source in ipairs(sources) do
    local first, last = bounds(source, offsets[i], want, backward)
    flats[i] = fetch(source, first, last, 'WITHSCORES')
  end
  return merge(flats, #sources > 0 and sources[1].falling, want, backward)
end

local function total(numbers)
  local sum = 0
  for _, number in ipairs(numbers) do sum = sum + number end
  return sum
end

if tonumber(redis.call('HGET', KEYS[3], 'built') or 0) ~= options.version then
  local bots = redis.call('SCARD', KEYS[1])
  if bots > 0 then return {'unbuilt', bots} end
  if redis.call('EXISTS', KEYS[3], KEYS[4]) == 0 then return {'missing'} end
end
--- @include "page_body"
