-- One run's place in every index of a batch (see batch.lua).

local function figures_of(batch, status)
  local found = batch.figures[status]
  if not found then
    found = batch.known_figures[status] or load_figures(batch.keys.stats, status)
    batch.figures[status] = found
  end
  return found
end

-- Put the run into the sorted set for runs with the value (value is a text) or into the one for those without (''): done up to five
-- times a run, so that it calls no other function.
local function rank_run(with, without, hash, value)
  if value == '' then with, without, value = without, with, 0 end
  local added, removed = with.added, without.removed
  if added then
    local count = #added
    added[count + 1], added[count + 2] = value, hash
  else
    with.added = {value, hash}
  end
  if without.size > 0 then
    if removed then removed[#removed + 1] = hash else without.removed = {hash} end
  end
end

local function leave_status(of_status, hash)
  take_out(of_status.profit, hash)
  take_out(of_status.unranked, hash)
  take_out(of_status.updated, hash)
  take_out(of_status.undated, hash)
end

-- Whether a row of ours says this time, and the run stands under it in the derived sets.
local function has_time(row, updated)
  return string.find(row, '"lastUpdated":' .. (updated == '' and 'null' or updated) .. ',', 1, true) ~= nil
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

-- File the run anew; profit and updated are '' when missing. `fixed` says whether the three fixed indexes are ours to write now,
-- `thorough` that they may name the run under statuses we do not know of.
local function index_run(batch, hash, status, profit, updated, row, fixed, thorough)
  local places, old_row, old_status = batch.places, batch.states.rows[hash], batch.states.statuses[hash]
  local of_status = places.statuses[status]
  leave(batch, hash, status)
  count_run(figures_of(batch, status), hash, profit, 1)
  rank_run(of_status.profit, of_status.unranked, hash, profit)
  if thorough or old_status ~= status or not has_time(old_row, updated) then
    rank_run(of_status.updated, of_status.undated, hash, updated)
    rank_run(places.updated, places.undated, hash, updated)
  end
  local rows = batch.rows
  local count = #rows
  rows[count + 1], rows[count + 2] = hash, row
  if fixed then
    rank_run(places.profit, places.unranked, hash, profit)
    add(places.bots, hash)
    add(of_status.bots, hash)
    if thorough or batch.states.strays[hash] or (old_row and not old_status) then
      for other, of_other in pairs(places.statuses) do
        if other ~= status then take_out(of_other.bots, hash) end
      end
    elseif old_status and old_status ~= status then
      take_out(places.statuses[old_status].bots, hash)
    end
  -- Another program's profit index stays as it is: who has no score there is listed behind.
  elseif redis.call('ZSCORE', batch.keys.profit, hash) then take_out(places.unranked, hash)
  else rank_run(places.profit, places.unranked, hash, '') end
  set_state(batch.states, hash, row, status, profit)
end

-- Take the run out of every index, fixed and derived.
local function drop_run(batch, hash)
  local places = batch.places
  leave(batch, hash)
  redis.call('HDEL', batch.keys.rows, hash)
  for _, name in ipairs(PLACES) do take_out(places[name], hash) end
  for _, of_status in pairs(places.statuses) do take_out(of_status.bots, hash) end
  set_state(batch.states, hash, false)
end
