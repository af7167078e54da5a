-- The first (or, backward, the last) `want` entries of several lists, each a flat {member, score, ...} in list order.
local function merge(flats, falling, want, backward)
  local at, heads, found, step = {}, {}, {}, backward and -1 or 1
  for i, flat in ipairs(flats) do
    at[i] = backward and #flat / 2 or 1
    heads[i] = tonumber(flat[2 * at[i]] or '')
  end
  local is_largest_first = falling ~= backward
  while #found < want do
    local best
    for i = 1, #flats do
      if heads[i] and best and heads[i] == heads[best] then
        local mine, other = flats[i][2 * at[i] - 1], flats[best][2 * at[best] - 1]
        if is_largest_first then mine, other = other, mine end
        if bytes_less(mine, other) then best = i end
      elseif heads[i] and (not best or (heads[i] > heads[best]) == is_largest_first) then best = i end
    end
    if not best then break end
    local flat, place = flats[best], at[best]
    found[#found + 1] = {flat[2 * place - 1], flat[2 * place]}
    at[best] = place + step
    heads[best] = tonumber(flat[2 * at[best]] or '')
  end
  if not backward then return found end
  local turned = {}
  for i = #found, 1, -1 do turned[#turned + 1] = found[i] end
  return turned
end
