-- What the derived keys say of each run of a batch, operations of the same batch included. Tables by hash: `rows` (nothing when there
-- is none), `statuses` (nothing when the row is no row of ours), `profits` (nothing without one), and `strays`: those that the session's
-- set names although there is no row. `rowless` lists the runs that had no row at first; `found` has the row of each run by its number,
-- false where there is none.

-- Take down what the row says that was found of a run; return its status, nothing where it is no row of ours.
local function recall(states, number, hash)
  local row = states.found[number]
  states.rows[hash] = row
  states.statuses[hash], states.profits[hash] = said_by(row, hash)
  return states.statuses[hash]
end

local function read_states(keys, hashes)
  local states = {rows = {}, statuses = {}, profits = {}, strays = {}, rowless = {}, found = redis.call('HMGET', keys.rows, unpack(hashes))}
  local found, rowless = states.found, states.rowless
  for i = 1, #hashes do
    if not found[i] then rowless[#rowless + 1] = hashes[i] end
  end
  if #rowless > 0 then
    for i, is_member in ipairs(redis.call('SMISMEMBER', keys.bots, unpack(rowless))) do
      if is_member == 1 then states.strays[rowless[i]] = true end
    end
  end
  return states
end

-- Take down what the derived keys say of a run from now on; row is nil when they say nothing.
local function set_state(states, hash, row, status, profit)
  states.rows[hash], states.statuses[hash], states.strays[hash] = row, status, nil
  states.profits[hash] = profit ~= '' and profit or nil
end
