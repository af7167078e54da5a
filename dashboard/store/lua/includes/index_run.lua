-- One run's place in every index of a batch (see batch.lua).

local function figures_of(batch, status)
  local found = batch.figures[status]
  if not found then
    found = batch.known_figures[status] or load_figures(batch.keys.stats, status)
    batch.figures[status] = found
  end
  return found
end

-- Put the run into the sorted set for runs with the value (value is a text) or into the one for those without (''), of its status and,
-- where it stands there, too, of the session: done twice a run, so that it calls no other function.
local function rank_run(places, of_status, with, without, hash, value)
  if value == '' then with, without, value = without, with, 0 end
  local place, behind, whole_behind = of_status[with], of_status[without], places[without]
  local added, count = place.added, place.count
  if added then added[count + 1], added[count + 2] = value, hash else place.added = {value, hash} end
  place.count = count + 2
  if behind.size > 0 then take_out(behind, hash) end
  if whole_behind.size > 0 then take_out(whole_behind, hash) end
end

local function leave_status(of_status, hash)
  take_out(of_status.profit, hash)
  take_out(of_status.unranked, hash)
  for _, place in ipairs({of_status.updated, of_status.undated}) do
    take_out(place, hash)
    -- The status that the run has now may be a usual one.
    if place.whole then take_out(place.whole, hash) end
  end
end

-- Whether a row of ours says this time, behind a place in it, and the run stands under it in the derived sets.
local function has_time(row, updated, from)
  return string.find(row, '"lastUpdated":' .. (updated == '' and 'null' or updated) .. ',', from or 1, true) ~= nil
end

-- Take the run out of the figures and the sets of the status it had, but for the sets of one that it keeps.
local function leave(batch, hash, kept)
  local status = batch.states.statuses[hash]
  if status then
    count_run(figures_of(batch, status), hash, batch.states.profits[hash] or '', -1)
    if status ~= kept then leave_status(batch.places.statuses[status], hash) end
  elseif batch.states.rows[hash] then
    -- Nobody knows what it was counted as; a rebuild counts anew.
    for other, of_status in pairs(batch.places.statuses) do
      if other ~= kept then leave_status(of_status, hash) end
    end
  end
end

-- File the run anew; profit and updated are '' when missing. `thorough` says that the fixed sets may name the run under statuses that
-- we do not know of.
local function index_run(batch, hash, status, profit, updated, row, thorough)
  local places, states = batch.places, batch.states
  local of_status, old_row, old_status = places.statuses[status], states.rows[hash], states.statuses[hash]
  if old_row then leave(batch, hash, status) end
  count_run(batch.figures[status] or figures_of(batch, status), hash, profit, 1)
  rank_run(places, of_status, 'profit', 'unranked', hash, profit)
  if thorough or old_status ~= status or not has_time(old_row, updated) then
    rank_run(places, of_status, 'updated', 'undated', hash, updated)
  end
  local rows, count = batch.rows, batch.row_count
  rows[count + 1], rows[count + 2], batch.row_count = hash, row, count + 2
  add(of_status.bots, hash)
  if thorough or states.strays[hash] or (old_row and not old_status) then
    for other, of_other in pairs(places.statuses) do
      if other ~= status then take_out(of_other.bots, hash) end
    end
  elseif old_status and old_status ~= status then
    take_out(places.statuses[old_status].bots, hash)
  end
  -- Of a run that comes once in a batch of several nobody asks again.
  if batch.gathered or batch.is_single then set_state(states, hash, row, status, profit) end
end

-- Take the run out of every index, fixed and derived.
local function drop_run(batch, hash)
  local places = batch.places
  leave(batch, hash)
  redis.call('HDEL', batch.keys.rows, hash)
  for _, name in ipairs(PLACES) do take_out(places[name], hash) end
  for _, of_status in pairs(places.statuses) do take_out(of_status.bots, hash) end
  set_state(batch.states, hash, nil)
end
