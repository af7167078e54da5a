-- What the derived keys say of each run of a batch, operations of the same batch included, as a table by hash: `row` (nothing when
-- there is none), `status` (nothing when the row is no row of ours), `profit` ('' without one), and `is_stray` for a run that the
-- session's set names although there is no row.

-- Read the states of runs that have none yet.
local function read_states(keys, states, hashes)
  local rows, by_status, rowless = redis.call('HMGET', keys.rows, unpack(hashes)), {}, {}
  for i, hash in ipairs(hashes) do
    local row = rows[i]
    local status = row and status_of(row)
    states[hash] = {row = row or nil, status = status, profit = ''}
    if status then
      by_status[status] = by_status[status] or {}
      table.insert(by_status[status], hash)
    elseif not row then
      rowless[#rowless + 1] = hash
    end
  end
  for status, members in pairs(by_status) do
    for i, score in ipairs(redis.call('ZMSCORE', keys.index_status_prefix .. status .. ':profit', unpack(members))) do
      states[members[i]].profit = score or ''
    end
  end
  if #rowless > 0 then
    for i, is_member in ipairs(redis.call('SMISMEMBER', keys.bots, unpack(rowless))) do
      states[rowless[i]].is_stray = is_member == 1
    end
  end
end
