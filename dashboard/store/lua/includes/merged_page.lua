-- Any other page: gather the sources, count, walk.
local cards = {[KEYS[5]] = profits, [KEYS[6]] = others, [KEYS[1]] = bots}
local ranked, unranked, totals, filed = {}, {}, {0, 0}, {}
for i = 7, #KEYS, 3 do
  local card, rest = cards[KEYS[i]] or redis.call('ZCARD', KEYS[i]), cards[KEYS[i + 1]] or redis.call('ZCARD', KEYS[i + 1])
  filed[KEYS[i + 2]] = (filed[KEYS[i + 2]] or 0) + card + rest
  if card > 0 then
    local source = source_of((i - 4) / 3, KEYS[i], card, descending, has_range)
    ranked[#ranked + 1], totals[1] = source, totals[1] + source.n
  end
  if rest > 0 and not has_range then
    unranked[#unranked + 1], totals[2] = source_of((i - 4) / 3, KEYS[i + 1], rest, false), totals[2] + rest
  end
end
for key, count in pairs(filed) do stale = stale or (cards[key] or redis.call('SCARD', key)) ~= count end
local count = totals[1] + totals[2]

local before, passed, ranked_before, ranked_passed = stand(ranked, '1')
local rest_before, rest_passed, others_before, others_passed = stand(unranked, '2')
local members, scores, counts, unvalued, _, rest_counts, preceding, has_next, first, last
if backward then
  unvalued, _, rest_counts = read_part(unranked, rest_before, limit)
  members, scores, counts = read_part(ranked, before, limit - #unvalued)
  local standing, is_ranked = ranked_before + others_before, #members > 0
  for _, member in ipairs(unvalued) do members[#members + 1] = member end
  preceding, has_next = standing - #members, count > standing
  first = is_ranked and places_text(ranked, before, counts, -1) or places_text(unranked, rest_before, rest_counts, -1)
  last = #unvalued == 0 and places_text(ranked, before, {}, 0) or places_text(unranked, rest_before, {}, 0)
else
  preceding = ranked_passed + others_passed
  members, scores, counts = read_part(ranked, passed, limit)
  unvalued, _, rest_counts = read_part(unranked, rest_passed, limit - #members)
  first = #members > 0 and places_text(ranked, passed, {}, 0) or places_text(unranked, rest_passed, {}, 0)
  for _, member in ipairs(unvalued) do members[#members + 1] = member end
  last = #unvalued == 0 and places_text(ranked, passed, counts, 1) or places_text(unranked, rest_passed, rest_counts, 1)
  has_next = preceding + #members < count
end

local with_value = math.max(0, math.min(#members, totals[1] - preceding))
return answer(members, count, preceding, has_next, function(i) return i <= with_value and scores[i] or '' end,
  {first, last})
