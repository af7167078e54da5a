-- The first (or, backward, the last) `want` entries of several lists, each a flat {member, score, ...} in list order: their
-- members, their scores, and how many are of each. What is given of a list may be a part; `more` is asked for up to so many others
-- when it is used up.
local function merge(flats, falling, want, backward, more)
  local at, heads, members, scores, counts, place = {}, {}, {}, {}, {}, 0
  local step, is_largest_first = backward and -2 or 2, falling ~= backward
  for i, flat in ipairs(flats) do
    at[i], counts[i] = backward and #flat - 1 or 1, 0
    heads[i] = tonumber(flat[at[i] + 1] or '')
  end
  while place < want do
    -- The list that is next, and the score from which on another one may be.
    local best, top, bound
    for i = 1, #flats do
      local head = heads[i]
      if head and not best then best, top = i, head
      elseif head and head == top then
        local mine, other = flats[i][at[i]], flats[best][at[best]]
        if is_largest_first then mine, other = other, mine end
        if bytes_less(mine, other) then best = i end
        bound = head
      elseif head and (head > top) == is_largest_first then best, top, bound = i, head, top
      elseif head and (not bound or (head > bound) == is_largest_first) then bound = head end
    end
    if not best then break end
    local flat, spot, before, head = flats[best], at[best], place, nil
    repeat
      place = place + 1
      members[place], scores[place] = flat[spot], flat[spot + 1]
      spot = spot + step
      head = tonumber(flat[spot + 1] or '')
    until not head or place == want or (bound and (head == bound or (head > bound) ~= is_largest_first))
    counts[best] = counts[best] + place - before
    if not head and place < want then
      flat = more(best, want - place)
      flats[best], spot = flat, backward and #flat - 1 or 1
      head = tonumber(flat[spot + 1] or '')
    end
    at[best], heads[best] = spot, head
  end
  for i = 1, backward and math.floor(place / 2) or 0 do
    local other = place + 1 - i
    members[i], members[other], scores[i], scores[other] = members[other], members[i], scores[other], scores[i]
  end
  return members, scores, counts
end
