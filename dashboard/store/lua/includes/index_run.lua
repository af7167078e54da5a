-- One run's place in every index; `old` is its state, see run_states.lua.

local function figures_of(keys, figures, status)
  if not figures[status] then figures[status] = load_figures(keys.stats, status) end
  return figures[status]
end

-- Put the run into the sorted set for runs with the value (value is a text) or into the one for those without (''): done five
-- times a run, so that it calls no other function.
local function rank_run(with, without, hash, value)
  if value == '' then with, without, value = without, with, 0 end
  local added = with.added
  local count = #added
  added[count + 1], added[count + 2] = value, hash
  if without.size > 0 then without.removed[#without.removed + 1] = hash end
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
local function leave(keys, figures, places, hash, old, kept)
  if old.status then
    count_run(figures_of(keys, figures, old.status), hash, old.profit, -1)
    if old.status ~= kept then leave_status(places.statuses[old.status], hash) end
  elseif old.row then
    -- Nobody knows what it was counted as; a rebuild counts anew.
    for status, of_status in pairs(places.statuses) do
      if status ~= kept then leave_status(of_status, hash) end
    end
  end
end

-- File the run anew: new = {status, profit, updated, row}, profit and updated '' when missing. `fixed` says whether the three
-- fixed indexes are ours to write now, `thorough` that they may name the run under statuses we do not know of.
local function index_run(keys, figures, places, rows, hash, old, new, fixed, thorough)
  local of_status = places.statuses[new.status]
  leave(keys, figures, places, hash, old, new.status)
  count_run(figures_of(keys, figures, new.status), hash, new.profit, 1)
  rank_run(of_status.profit, of_status.unranked, hash, new.profit)
  if thorough or old.status ~= new.status or not has_time(old.row, new.updated) then
    rank_run(of_status.updated, of_status.undated, hash, new.updated)
    rank_run(places.updated, places.undated, hash, new.updated)
  end
  rows[#rows + 1] = hash
  rows[#rows + 1] = new.row
  if not fixed then
    -- Another program's profit index stays as it is: who has no score there is listed behind.
    if redis.call('ZSCORE', keys.profit, hash) then take_out(places.unranked, hash)
    else rank_run(places.profit, places.unranked, hash, '') end
    return
  end
  rank_run(places.profit, places.unranked, hash, new.profit)
  add(places.bots, hash)
  add(of_status.bots, hash)
  if thorough or old.is_stray or (old.row and not old.status) then
    for status, other in pairs(places.statuses) do
      if status ~= new.status then take_out(other.bots, hash) end
    end
  elseif old.status and old.status ~= new.status then
    take_out(places.statuses[old.status].bots, hash)
  end
end

-- Take the run out of every index, fixed and derived.
local function drop_run(keys, figures, places, hash, old)
  leave(keys, figures, places, hash, old)
  redis.call('HDEL', keys.rows, hash)
  for _, name in ipairs({'bots', 'profit', 'unranked', 'updated', 'undated'}) do take_out(places[name], hash) end
  for _, of_status in pairs(places.statuses) do take_out(of_status.bots, hash) end
end
