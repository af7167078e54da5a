-- What can be done to one run; write_runs.lua says what each operation is for and what its code means. Uses `options`, `keys`,
-- `figures`, `statuses` and `tell` of the script.

-- The text of a key, or nothing when there is none or the key holds another type.
local function text_at(key)
  local found = redis.pcall('GET', key)
  return type(found) == 'string' and found or nil
end

local function sha_of(text)
  return text and redis.sha1hex(text) or ''
end

local function remove(operation, hash)
  local old = indexed_run(keys, hash)
  if operation == 'drop' then
    if redis.call('EXISTS', options.run .. hash) == 1 then return -1 end
    if not old and redis.call('SISMEMBER', keys.bots, hash) == 0 then
      drop_run(keys, figures, statuses, hash)
      return 0
    end
  elseif redis.call('UNLINK', options.run .. hash, options.trades .. hash) == 0 and not old
    and redis.call('SISMEMBER', keys.bots, hash) == 0 then
    return -2
  end
  drop_run(keys, figures, statuses, hash, old)
  tell('deleted', hash, old and old.status or '', old and old.profit or '')
  return 2
end

local function file(operation, hash, expected, new)
  if options.deleting and redis.call('EXISTS', options.deleting) == 1 then return -3 end
  if sha_of(text_at(options.run .. hash)) ~= expected then return -1 end
  local old = indexed_run(keys, hash)
  local is_changed = operation == 'touch' or not old or old.row ~= new.row
  index_run(keys, figures, statuses, hash, old, new, operation ~= 'derive', true)
  if is_changed then tell('run', hash, new.status, new.profit) end
  return is_changed and 2 or 0
end

local function put(operation, hash, expected, record, trades, new)
  local old = indexed_run(keys, hash)
  local found = text_at(options.run .. hash)
  if operation == 'edit' and sha_of(found) ~= expected then return found and -1 or -2 end
  if found == record and old and old.row == new.row
    and (trades == '' or text_at(options.trades .. hash) == trades) then
    return 0
  end
  redis.call('SET', options.run .. hash, record)
  if trades ~= '' then redis.call('SET', options.trades .. hash, trades) end
  index_run(keys, figures, statuses, hash, old, new, true, false)
  tell('run', hash, new.status, new.profit)
  return (old or found) and 2 or 1
end
