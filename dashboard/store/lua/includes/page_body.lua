-- The rest of read_page: gather the sources, walk, count, and fetch the rows.
local ranked, unranked, counts = {}, {}, {{}, {}}
local indexed = redis.call('HLEN', KEYS[2])
local stale = redis.call('SCARD', KEYS[1]) ~= indexed
  or redis.call('ZCARD', KEYS[5]) + redis.call('ZCARD', KEYS[6]) ~= indexed
for i = 7, #KEYS, 3 do
  ranked[#ranked + 1] = source_of(KEYS[i], descending, options.min, options.max)
  counts[1][#ranked] = ranked[#ranked].n
  local behind = source_of(KEYS[i + 1], false)
  stale = stale or redis.call('SCARD', KEYS[i + 2]) ~= ranked[#ranked].card + behind.card
  if not (options.min or options.max) then
    unranked[#unranked + 1] = behind
    counts[2][#unranked] = behind.n
  end
end
local parts, totals = {ranked, unranked}, {total(counts[1]), total(counts[2])}
local count = totals[1] + totals[2]

-- Where the position stands in each part: offsets strictly before it, and before or at it.
local before, passed = {{}, {}}, {{}, {}}
for p = 1, 2 do
  for i, source in ipairs(parts[p]) do
    local low, high = 0, 0
    if options.at == p then low, high = offsets_at(source, p == 1 and options.score or '0')
    elseif (options.at == 0 and options.backward) or (options.at == 2 and p == 1) then low, high = source.n, source.n end
    before[p][i], passed[p][i] = low, high
  end
end

local found, preceding, has_previous, has_next
if options.backward then
  local standing = total(before[1]) + total(before[2])
  found = read_part(unranked, before[2], limit, true)
  local rest = read_part(ranked, before[1], limit - #found, true)
  for _, entry in ipairs(found) do rest[#rest + 1] = entry end
  found, preceding, has_next = rest, standing - #rest, count > standing
  has_previous = preceding > 0
else
  preceding = total(passed[1]) + total(passed[2])
  found = read_part(ranked, passed[1], limit, false)
  local rest = read_part(unranked, passed[2], limit - #found, false)
  for _, entry in ipairs(rest) do found[#found + 1] = entry end
  has_previous, has_next = preceding > 0, preceding + #found < count
end

local members, scores, rows = found, {}, {}
local with_value = math.max(0, math.min(#found, totals[1] - preceding))
if not is_lean then
  members = {}
  for i, entry in ipairs(found) do members[i] = entry[1] end
end

local function score_at(i)
  if i > with_value then return '' end
  return is_lean and redis.call('ZSCORE', ranked[1].key, members[i]) or found[i][2]
end

if not options.rows then
  for i = 1, #members do scores[i] = score_at(i) end
elseif #members > 0 then
  scores = {score_at(1), score_at(#members)}
  rows = redis.call('HMGET', KEYS[2], unpack(members))
end
return {
  'page', redis.call('HGET', KEYS[3], 'revision') or '0', count, preceding, has_previous and 1 or 0, has_next and 1 or 0,
  stale and 1 or 0, members, scores, rows,
}
