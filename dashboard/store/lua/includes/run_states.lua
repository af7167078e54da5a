-- What the derived keys say of each run of a batch, operations of the same batch included. Tables by hash: `rows` (nothing when there
-- is none), `statuses` (nothing when the row is no row of ours), `profits` (nothing without one), and `strays`: those that the session's
-- set names although there is no row. `rowless` lists the runs that had no row at first.

local function read_states(keys, hashes)
  local rows, statuses, profits, strays, rowless = {}, {}, {}, {}, {}
  local found = redis.call('HMGET', keys.rows, unpack(hashes))
  for i, hash in ipairs(hashes) do
    local row = found[i]
    if row then
      rows[hash] = row
      statuses[hash], profits[hash] = said_by(row, hash)
    else rowless[#rowless + 1] = hash end
  end
  if #rowless > 0 then
    for i, is_member in ipairs(redis.call('SMISMEMBER', keys.bots, unpack(rowless))) do
      if is_member == 1 then strays[rowless[i]] = true end
    end
  end
  return {rows = rows, statuses = statuses, profits = profits, strays = strays, rowless = rowless}
end

-- Take down what the derived keys say of a run from now on; row is nil when they say nothing.
local function set_state(states, hash, row, status, profit)
  states.rows[hash], states.statuses[hash], states.strays[hash] = row, status, nil
  states.profits[hash] = profit ~= '' and profit or nil
end
