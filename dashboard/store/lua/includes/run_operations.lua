-- What can be done to one run of a batch (see batch.lua); write_runs.lua says what each code means.
--     put      store the record (and trades, if any) and index it, in fixed and derived keys
--     edit     the same, if the stored record has that sha1
--     file     index the stored record in fixed and derived keys, if it has that sha1 ('' must be missing or no text)
--     touch    the same, and tell of it in any case: what no row shows may have changed
--     fill     write the run's row of the sweep table alone, if the stored record has that sha1 and a row of the list tells of it
--     delete   remove record, trades and every index entry
--     drop     remove every index entry, if there is no record

-- The text of a key, or nothing when there is none or the key holds another type.
local function text_at(key)
  local found = redis.pcall('GET', key)
  return type(found) == 'string' and found or nil
end

local function sha_of(text)
  return text and redis.sha1hex(text) or ''
end

local function remove(batch, operation, hash)
  local states, options = batch.states, batch.options
  local is_known, code = states.rows[hash] or states.strays[hash] or batch.sweep.row_of[hash], 2
  if operation == 'drop' then
    if redis.call('EXISTS', options.run .. hash) == 1 then return -1 end
    if not is_known then code = 0 end
  elseif redis.call('UNLINK', options.run .. hash, options.trades .. hash) == 0 and not is_known then
    return -2
  end
  local status, profit = states.statuses[hash] or '', states.profits[hash]
  drop_run(batch, hash)
  if code > 0 then tell(batch, 'deleted', hash, status, profit and string.format('%.17g', profit) or '') end
  return code
end

local function file(batch, number, operation, hash, expected, status, profit, updated, row)
  local deleting = batch.options.deleting
  if deleting and redis.call('EXISTS', deleting) == 1 then return -3 end
  if sha_of(text_at(batch.options.run .. hash)) ~= expected then return -1 end
  local is_changed = operation == 'touch' or batch.states.rows[hash] ~= row or not has_row(batch.sweep, number, hash)
  index_run(batch, hash, status, profit, updated, row, true)
  if is_changed then tell(batch, 'run', hash, status, profit) end
  return is_changed and 2 or 0
end

local function fill(batch, number, hash, expected)
  local deleting = batch.options.deleting
  if deleting and redis.call('EXISTS', deleting) == 1 then return -3 end
  if sha_of(text_at(batch.options.run .. hash)) ~= expected then return -1 end
  if not batch.states.rows[hash] or has_row(batch.sweep, number, hash) then return 0 end
  batch.revision = batch.revision + 1
  return 2
end

local function put(batch, operation, hash, expected, record, trades, status, profit, updated, row)
  local key, old_row, texts = batch.options.run .. hash, batch.states.rows[hash], batch.texts
  -- What is stored matters only where it can make a difference: reading it costs as much as writing it.
  local found = (operation == 'edit' or old_row == row or (not old_row and batch.has_foreign)) and text_at(key)
  if operation == 'edit' and sha_of(found) ~= expected then return found and -1 or -2 end
  if old_row == row and found == record and (trades == '' or text_at(batch.options.trades .. hash) == trades) then return 0 end
  local count = batch.text_count
  texts[count + 1], texts[count + 2] = key, record
  if trades ~= '' then
    texts[count + 3], texts[count + 4] = batch.options.trades .. hash, trades
    count = count + 2
  end
  batch.text_count = count + 2
  index_run(batch, hash, status, profit, updated, row, false)
  tell(batch, 'run', hash, status, profit)
  return (old_row or found) and 2 or 1
end

-- Do each operation of a batch in turn; put down the code of each among the answers. Return the hashes of the runs that were changed,
-- and of those of which the record was.
local function do_each(batch, answer)
  local changed, written = {}, {}
  for i = FIRST_RUN, #ARGV, 9 do
    local operation, hash, expected, number, code = ARGV[i], ARGV[i + 1], ARGV[i + 2], (i - FIRST_RUN) / 9 + 1, nil
    local is_put, is_gone = operation == 'put' or operation == 'edit', operation == 'delete' or operation == 'drop'
    if batch.gathered then flush_before(batch, hash) end
    if is_put then
      code = put(batch, operation, hash, expected, ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6], ARGV[i + 7], ARGV[i + 8])
    elseif is_gone then code = remove(batch, operation, hash)
    elseif operation == 'fill' then code = fill(batch, number, hash, expected)
    else code = file(batch, number, operation, hash, expected, ARGV[i + 5], ARGV[i + 6], ARGV[i + 7], ARGV[i + 8]) end
    answer[number + 1] = code
    if code > 0 then
      changed[#changed + 1] = hash
      change_row(batch.sweep, number, hash, is_gone)
      if is_put or operation == 'delete' then written[#written + 1] = hash end
    end
  end
  return changed, written
end
