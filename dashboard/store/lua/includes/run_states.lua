-- What the derived keys say of each run of a batch, operations of the same batch included. Tables by hash: `rows` (false when there is
-- none), `statuses` (nothing when the row is no row of ours), `profits` (nothing without one), and `strays`: those that the session's
-- set names although there is no row.

local function read_states(keys, hashes)
  local states, by_status, rowless = {rows = {}, statuses = {}, profits = {}, strays = {}}, {}, {}
  local rows = redis.call('HMGET', keys.rows, unpack(hashes))
  for i, hash in ipairs(hashes) do
    local row = rows[i]
    states.rows[hash] = row
    if row then
      local status = status_of(row)
      states.statuses[hash] = status
      if status then
        local members = by_status[status]
        if members then members[#members + 1] = hash else by_status[status] = {hash} end
      end
    else rowless[#rowless + 1] = hash end
  end
  for status, members in pairs(by_status) do
    for i, score in ipairs(redis.call('ZMSCORE', keys.index_status_prefix .. status .. ':profit', unpack(members))) do
      if score then states.profits[members[i]] = score end
    end
  end
  if #rowless > 0 then
    for i, is_member in ipairs(redis.call('SMISMEMBER', keys.bots, unpack(rowless))) do
      if is_member == 1 then states.strays[rowless[i]] = true end
    end
  end
  return states
end

-- Take down what the derived keys say of a run from now on; row is false when they say nothing.
local function set_state(states, hash, row, status, profit)
  states.rows[hash], states.statuses[hash], states.strays[hash] = row, status, nil
  states.profits[hash] = profit ~= '' and profit or nil
end
