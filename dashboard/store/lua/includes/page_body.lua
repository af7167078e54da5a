-- The rest of read_page: gather the sources, walk, count, and fetch the rows.
local profits, others = redis.call('ZCARD', KEYS[5]), redis.call('ZCARD', KEYS[6])
local bots, indexed = redis.call('SCARD', KEYS[1]), redis.call('HLEN', KEYS[2])
local stale = bots ~= indexed or profits + others ~= indexed
local cards = {[KEYS[5]] = profits, [KEYS[6]] = others, [KEYS[1]] = bots}
local ranked, unranked, totals = {}, {}, {0, 0}
for i = 7, #KEYS, 3 do
  local card, rest = cards[KEYS[i]] or redis.call('ZCARD', KEYS[i]), cards[KEYS[i + 1]] or redis.call('ZCARD', KEYS[i + 1])
  local fixed = cards[KEYS[i + 2]] or redis.call('SCARD', KEYS[i + 2])
  stale = stale or fixed ~= card + rest
  local source = source_of(KEYS[i], card, descending, has_range)
  ranked[#ranked + 1], totals[1] = source, totals[1] + source.n
  if not has_range then unranked[#unranked + 1], totals[2] = source_of(KEYS[i + 1], rest, false), totals[2] + rest end
end
local count = totals[1] + totals[2]

local before, passed, ranked_before, ranked_passed = stand(ranked, '1')
local rest_before, rest_passed, others_before, others_passed = stand(unranked, '2')
local members, scores, preceding, has_next
if backward then
  local standing, first = ranked_before + others_before, read_part(unranked, rest_before, limit)
  members, scores = read_part(ranked, before, limit - #first)
  for _, member in ipairs(first) do members[#members + 1] = member end
  preceding, has_next = standing - #members, count > standing
else
  preceding = ranked_passed + others_passed
  members, scores = read_part(ranked, passed, limit)
  for _, member in ipairs(read_part(unranked, rest_passed, limit - #members)) do members[#members + 1] = member end
  has_next = preceding + #members < count
end

local with_value = math.max(0, math.min(#members, totals[1] - preceding))
local function score_at(i)
  if i > with_value then return '' end
  return scores[i] or redis.call('ZSCORE', ranked[1].key, members[i])
end

if #members == 0 or ARGV[5] ~= '1' then
  for i = 1, #members do scores[i] = score_at(i) end
  return {
    'page', known[2] or '0', count, preceding, preceding > 0 and 1 or 0, has_next and 1 or 0, stale and 1 or 0, members,
    scores, {},
  }
end
local rows, is_whole = redis.call('HMGET', KEYS[2], unpack(members)), true
for i = 1, #rows do is_whole = is_whole and rows[i] end
scores = {preceding > 0 and score_at(1) or '', has_next and score_at(#members) or ''}
-- Only what cursors are made of: writing out all members costs a tenth of the whole call.
if is_whole and #members > 1 then members = {members[1], members[#members]} end
return {
  'page', known[2] or '0', count, preceding, preceding > 0 and 1 or 0, has_next and 1 or 0, stale and 1 or 0, members,
  scores, rows,
}
