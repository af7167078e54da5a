-- What can be done to one run of a batch (see batch.lua); write_runs.lua says what each operation is for and what its code means.

-- The text of a key, or nothing when there is none or the key holds another type.
local function text_at(key)
  local found = redis.pcall('GET', key)
  return type(found) == 'string' and found or nil
end

local function sha_of(text)
  return text and redis.sha1hex(text) or ''
end

local function tell(batch, name, hash, status, profit)
  batch.events[#batch.events + 1] = {name, hash, status, profit}
end

local function file_run(batch, hash, new, fixed, thorough)
  local keys, old = batch.keys, batch.states[hash]
  index_run(keys, batch.figures, batch.places, batch.rows, hash, old, new, fixed, thorough)
  batch.states[hash] = {row = new.row, status = new.status, profit = new.profit}
  return old
end

local function remove(batch, operation, hash)
  local keys, old = batch.keys, batch.states[hash]
  local record, trades = batch.options.run .. hash, batch.options.trades .. hash
  local is_known, code = old.row or old.is_stray, 2
  if operation == 'drop' then
    if redis.call('EXISTS', record) == 1 then return -1 end
    if not is_known then code = 0 end
  elseif redis.call('UNLINK', record, trades) == 0 and not is_known then
    return -2
  end
  drop_run(keys, batch.figures, batch.places, hash, old)
  batch.states[hash] = {profit = ''}
  if code > 0 then tell(batch, 'deleted', hash, old.status or '', old.profit) end
  return code
end

local function file(batch, operation, hash, expected, new)
  local deleting = batch.options.deleting
  if deleting and redis.call('EXISTS', deleting) == 1 then return -3 end
  if sha_of(text_at(batch.options.run .. hash)) ~= expected then return -1 end
  local old = file_run(batch, hash, new, operation ~= 'derive', true)
  local is_changed = operation == 'touch' or old.row ~= new.row
  if is_changed then tell(batch, 'run', hash, new.status, new.profit) end
  return is_changed and 2 or 0
end

local function put(batch, operation, hash, expected, record, trades, new)
  local key, row, texts = batch.options.run .. hash, batch.states[hash].row, batch.texts
  -- What is stored matters only where it can make a difference: reading it costs as much as writing it.
  local found = (operation == 'edit' or row == new.row or (not row and batch.has_foreign)) and text_at(key)
  if operation == 'edit' and sha_of(found) ~= expected then return found and -1 or -2 end
  if row == new.row and found == record and (trades == '' or text_at(batch.options.trades .. hash) == trades) then return 0 end
  texts[#texts + 1] = key
  texts[#texts + 1] = record
  if trades ~= '' then
    texts[#texts + 1] = batch.options.trades .. hash
    texts[#texts + 1] = trades
  end
  file_run(batch, hash, new, true, false)
  tell(batch, 'run', hash, new.status, new.profit)
  return (row or found) and 2 or 1
end
