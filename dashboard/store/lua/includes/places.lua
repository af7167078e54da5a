-- Sets and sorted sets of a session, and what is to be added to them and taken out: gathered over a batch, so that each takes two
-- commands and not two a run.

-- Of each place `removed` is a list, nothing while it is empty: of most places a batch touches few. `added`, of `count` elements, is
-- there of those of a status alone; whatever is added to one is added to `whole`, too, the same place of the whole session, if it has
-- one (see times.lua).

-- The place of a key; kind is S for a set, Z for a sorted set. Raises an error if the key holds another type, which has to be before
-- the first change: what a script has written before it fails is not taken back.
local function place_at(key, kind, whole)
  return {key = key, kind = kind, size = redis.call(kind .. 'CARD', key), whole = whole, count = 0}
end

-- The place of a sorted set of runs without a value, usually empty: see `look_behind`.
local function place_behind(key, whole)
  return {key = key, kind = 'Z', whole = whole, count = 0}
end

-- To a set; to a sorted set `rank_run` adds.
local function add(place, hash)
  local added, count = place.added, place.count + 1
  if added then added[count] = hash else place.added = {hash} end
  place.count = count
end

local function take_out(place, hash)
  if place.size > 0 then
    local removed = place.removed
    if removed then removed[#removed + 1] = hash else place.removed = {hash} end
  end
end

local function flush_place(place)
  local added, removed, whole = place.added, place.removed, place.whole
  if removed then
    place.size = place.size - redis.call(place.kind .. 'REM', place.key, unpack(removed))
    place.top, place.removed = nil, nil
  end
  if added then
    place.size = place.size + redis.call(place.kind .. 'ADD', place.key, unpack(added))
    place.top = place.top and top_with(place.top, added)
    if whole then
      whole.size = whole.size + redis.call(place.kind .. 'ADD', whole.key, unpack(added))
      whole.top = whole.top and top_with(whole.top, added)
    end
    place.added, place.count = nil, 0
  end
end

-- The places of every run of the session, and of those of each status in turn; `times` are those by time of the usual statuses.
local function session_places(keys)
  local times = {}
  for _, status in ipairs(USUAL) do times[status] = place_with_top(keys.index_status_prefix .. status .. ':updated') end
  return {
    bots = place_at(keys.bots, 'S'), profit = place_with_top(keys.profit), unranked = place_behind(keys.unranked),
    updated = place_behind(keys.updated), undated = place_behind(keys.undated), times = times, statuses = {},
  }
end

local function look_at_status(keys, places, status)
  if places.statuses[status] then return end
  local prefix, times = keys.index_status_prefix .. status, places.times[status]
  places.statuses[status] = {
    bots = place_at(keys.status_prefix .. status, 'S', places.bots), profit = place_at(prefix .. ':profit', 'Z', places.profit),
    unranked = place_behind(prefix .. ':unranked', places.unranked),
    updated = times or place_at(prefix .. ':updated', 'Z', places.updated),
    undated = place_behind(prefix .. ':undated', not times and places.undated or nil),
  }
end

-- Look at the places of runs without a value, and of those of unusual statuses by time: all at once where none is there, and neither
-- is the further key, if any is given. Return whether that may be there.
local function look_behind(places, further)
  local unseen, names = {}, {}
  local function collect(...)
    for _, place in ipairs({...}) do unseen[#unseen + 1], names[#names + 1] = place, place.key end
  end
  collect(places.unranked, places.updated, places.undated)
  for _, of_status in pairs(places.statuses) do collect(of_status.unranked, of_status.undated) end
  names[#names + 1] = further
  -- Lua's stack ends at some 8,000.
  local is_any = #names > 1000 or redis.call('EXISTS', unpack(names)) > 0
  for _, place in ipairs(unseen) do place.size = is_any and redis.call('ZCARD', place.key) or 0 end
  return is_any
end

local PLACES = {'bots', 'profit', 'unranked', 'updated', 'undated'}

local function flush_places(places)
  for _, name in ipairs(PLACES) do
    flush_place(places[name])
    for _, of_status in pairs(places.statuses) do flush_place(of_status[name]) end
  end
end
