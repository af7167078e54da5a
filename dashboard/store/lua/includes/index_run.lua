-- One run's place in every index. `keys` names them, `figures` caches the figures of each status, `statuses` lists every
-- status a run may be filed under.

local function figures_of(keys, figures, status)
  if not figures[status] then figures[status] = load_figures(keys.stats, status) end
  return figures[status]
end

-- Put the run into the sorted set for runs with the value (value is a text) or into the one for those without ('').
local function rank_run(with, without, hash, value)
  if value == '' then
    redis.call('ZREM', with, hash)
    redis.call('ZADD', without, 0, hash)
  else
    redis.call('ZADD', with, value, hash)
    redis.call('ZREM', without, hash)
  end
end

-- What the derived keys say of the run: its status (nothing when the row is none) and profit ('' without one), or nothing.
local function indexed_run(keys, hash)
  local row = redis.call('HGET', keys.rows, hash)
  if not row then return nil end
  local status = status_of(row)
  if not status then return {row = row, profit = ''} end
  return {row = row, status = status, profit = redis.call('ZSCORE', keys.index_status_prefix .. status .. ':profit', hash) or ''}
end

local function leave_status(keys, status, hash)
  local prefix = keys.index_status_prefix .. status
  redis.call('ZREM', prefix .. ':profit', hash)
  redis.call('ZREM', prefix .. ':unranked', hash)
  redis.call('ZREM', prefix .. ':updated', hash)
  redis.call('ZREM', prefix .. ':undated', hash)
end

-- Take the run out of the figures and the sets of the status it had, but for the sets of one that it keeps.
local function leave(keys, figures, statuses, hash, old, kept)
  if old.status then
    count_run(figures_of(keys, figures, old.status), hash, old.profit, -1)
    if old.status ~= kept then leave_status(keys, old.status, hash) end
    return
  end
  -- Nobody knows what it was counted as; a rebuild counts anew.
  for status in pairs(statuses) do
    if status ~= kept then leave_status(keys, status, hash) end
  end
end

-- File the run anew: new = {status, profit, updated, row}, profit and updated '' when missing. `fixed` says whether the three
-- fixed indexes are ours to write now, `thorough` that they may name the run under statuses we do not know of.
local function index_run(keys, figures, statuses, hash, old, new, fixed, thorough)
  if old then leave(keys, figures, statuses, hash, old, new.status) end
  count_run(figures_of(keys, figures, new.status), hash, new.profit, 1)
  local prefix = keys.index_status_prefix .. new.status
  rank_run(prefix .. ':profit', prefix .. ':unranked', hash, new.profit)
  rank_run(prefix .. ':updated', prefix .. ':undated', hash, new.updated)
  rank_run(keys.updated, keys.undated, hash, new.updated)
  redis.call('HSET', keys.rows, hash, new.row)
  if not fixed then
    -- Another program's profit index stays as it is: who has no score there is listed behind.
    if redis.call('ZSCORE', keys.profit, hash) then redis.call('ZREM', keys.unranked, hash)
    else redis.call('ZADD', keys.unranked, 0, hash) end
    return
  end
  rank_run(keys.profit, keys.unranked, hash, new.profit)
  local is_new = redis.call('SADD', keys.bots, hash) == 1
  redis.call('SADD', keys.status_prefix .. new.status, hash)
  local old_status = old and old.status
  if thorough or not (old_status or is_new) then
    for status in pairs(statuses) do
      if status ~= new.status then redis.call('SREM', keys.status_prefix .. status, hash) end
    end
  elseif old_status and old_status ~= new.status then
    redis.call('SREM', keys.status_prefix .. old_status, hash)
  end
end

-- Take the run out of every index, fixed and derived.
local function drop_run(keys, figures, statuses, hash, old)
  if old then leave(keys, figures, statuses, hash, old) end
  redis.call('HDEL', keys.rows, hash)
  for _, key in ipairs({keys.profit, keys.unranked, keys.updated, keys.undated}) do redis.call('ZREM', key, hash) end
  redis.call('SREM', keys.bots, hash)
  for status in pairs(statuses) do redis.call('SREM', keys.status_prefix .. status, hash) end
end
