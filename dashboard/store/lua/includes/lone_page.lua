-- A page of a list that needs no merging, as most are: one source, places counted through the whole list.
if #KEYS == 9 then
  local card, rest = profits, others
  if KEYS[7] ~= KEYS[5] then
    card, rest = redis.call('ZCARD', KEYS[7]), redis.call('ZCARD', KEYS[8])
    stale = stale or redis.call('SCARD', KEYS[9]) ~= card + rest
  end
  -- The ranked runs of the list are those of ascending rank lo to hi - 1.
  local lo, hi = 0, card
  if min ~= '' then lo = redis.call('ZCOUNT', KEYS[7], '-inf', '(' .. min) end
  if max ~= '' then hi = redis.call('ZCOUNT', KEYS[7], '-inf', max) end
  local ranked = math.max(0, hi - lo)
  local count = ranked + (has_range and 0 or rest)

  -- Runs strictly before the position, and before or at it.
  local before, passed = backward and count or 0, 0
  local offset = tonumber(ARGV[10])
  if at == '1' then
    local guess = offset and (descending and hi - 1 - offset or lo + offset)
    local rank, present = place_of(KEYS[7], ARGV[8], ARGV[9], guess)
    before, passed = rank - lo, rank + present - lo
    if descending then before, passed = hi - rank - present, hi - rank end
    before, passed = math.min(math.max(before, 0), ranked), math.min(math.max(passed, 0), ranked)
  elseif at == '2' then
    local rank, present = place_of(KEYS[8], '0', ARGV[9], offset and offset - ranked)
    before, passed = math.min(ranked + rank, count), math.min(ranked + rank + present, count)
  end
  local first, last = passed, math.min(passed + limit, count) - 1
  if backward then first, last = math.max(0, before - limit), before - 1 end

  local members, ends = {}, math.min(last, ranked - 1)
  if first <= ends then
    if descending then members = redis.call('ZREVRANGE', KEYS[7], card - hi + first, card - hi + ends)
    else members = redis.call('ZRANGE', KEYS[7], lo + first, lo + ends) end
  end
  if last >= ranked and last >= first then
    local found = redis.call('ZRANGE', KEYS[8], math.max(first, ranked) - ranked, last - ranked)
    for i = 1, #found do members[#members + 1] = found[i] end
  end
  return answer(members, count, first, first + #members < count, function(i)
    return first + i <= ranked and redis.call('ZSCORE', KEYS[7], members[i]) or ''
  end)
end
