-- What our writers changed while a build went on, taken over from the indexes in use into those made (see shadow.lua).

-- What the derived keys in use say of a run: it, false when there is none, nothing when what they say makes no sense.
local function used_run(used, hash)
  local row = redis.pcall('HGET', used.rows, hash)
  if not row then return false end
  local status = type(row) == 'string' and status_of(row, hash)
  if not status then return nil end
  local prefix = used.index_status_prefix .. status
  local profit = redis.pcall('ZSCORE', prefix .. ':profit', hash) or ''
  local updated = redis.pcall('ZSCORE', prefix .. ':updated', hash) or ''
  if type(profit) ~= 'string' or type(updated) ~= 'string' then return nil end
  return {status = status, profit = profit, updated = updated, row = row}
end

-- Take over up to `count` of the runs that our writers changed meanwhile, with their rows of the sweep table; what cannot be
-- taken over has to be read anew. Returns how many are left.
local function carry(used, made, figures, options, dirty, count)
  if count > 0 then
    local life_ms, changed = redis.call('PTTL', dirty), {}
    for _, hash in ipairs(redis.call('SPOP', dirty, most_carried(used, options, count) + 1)) do
      local run = hash ~= '' and used_run(used, hash)
      if run == nil then redis.call('SADD', made.heard, hash)
      elseif hash ~= '' then
        place_run(used, made, figures, options.fixed, hash, run or nil)
        changed[#changed + 1] = {hash = hash, is_gone = not run}
      end
    end
    -- The empty member, which keeps it alive, may have been taken with the others.
    redis.call('SADD', dirty, '')
    if life_ms >= 0 then redis.call('PEXPIRE', dirty, math.max(life_ms, 1)) end
    if #changed > 0 then copy_rows(used, made, options, changed) end
  end
  return redis.call('SCARD', dirty) - 1
end
