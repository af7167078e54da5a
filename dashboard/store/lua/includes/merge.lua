-- The first (or, backward, the last) `want` entries of several lists, each a flat {member, score, ...} in list order: their
-- members, and their scores. What is given of a list may be a part; `more` is asked for up to so many others when it is used up.
local function merge(flats, falling, want, backward, more)
  local at, heads, members, scores, step = {}, {}, {}, {}, backward and -2 or 2
  for i, flat in ipairs(flats) do
    at[i] = backward and #flat - 1 or 1
    heads[i] = tonumber(flat[at[i] + 1] or '')
  end
  local is_largest_first = falling ~= backward
  for place = 1, want do
    local best, top
    for i = 1, #flats do
      local head = heads[i]
      if head and head == top then
        local mine, other = flats[i][at[i]], flats[best][at[best]]
        if is_largest_first then mine, other = other, mine end
        if bytes_less(mine, other) then best = i end
      elseif head and (not best or (head > top) == is_largest_first) then best, top = i, head end
    end
    if not best then break end
    local flat, spot = flats[best], at[best]
    members[place], scores[place] = flat[spot], flat[spot + 1]
    at[best] = spot + step
    heads[best] = tonumber(flat[spot + step + 1] or '')
    if not heads[best] and place < want then
      flat = more(best, want - place)
      flats[best], at[best] = flat, backward and #flat - 1 or 1
      heads[best] = tonumber(flat[at[best] + 1] or '')
    end
  end
  for i = 1, backward and math.floor(#members / 2) or 0 do
    local other = #members + 1 - i
    members[i], members[other], scores[i], scores[other] = members[other], members[i], scores[other], scores[i]
  end
  return members, scores
end
