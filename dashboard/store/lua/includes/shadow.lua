-- The indexes of a session made anew beside those in use. Both are tables of keys: `used` and `made`; `made` holds what the records
-- said when they were read, and is brought up to date run by run.

local function keys_under(prefix)
  return {
    bots = prefix .. 'bots', profit = prefix .. 'bots:profit', status_prefix = prefix .. 'bots:status:',
    rows = prefix .. 'index:rows', stats = prefix .. 'index:stats', unranked = prefix .. 'index:unranked',
    updated = prefix .. 'index:updated', undated = prefix .. 'index:undated', heard = prefix .. 'index:heard',
    index_status_prefix = prefix .. 'index:status:',
  }
end

-- Tell whether this build is still the one that may go on: another one, a deletion of the session, or too long a time without
-- a sign of life, after which our writers no longer put down what they change, ends it.
local function is_current(used, token, dirty)
  return redis.pcall('HGET', used.stats, 'building') == token and redis.pcall('SISMEMBER', dirty, '') == 1
end

local function put_rank(with, without, hash, value)
  if value == '' then
    redis.call('ZREM', with, hash)
    redis.call('ZADD', without, 0, hash)
  else
    redis.call('ZREM', without, hash)
    redis.call('ZADD', with, value, hash)
  end
end

local function cached_figures(made, figures, status)
  if not figures[status] then figures[status] = load_figures(made.stats, status) end
  return figures[status]
end

-- Have the indexes made say of a run what `run` says: {status, profit, updated, row}, profit and updated '' when missing; nothing
-- takes the run out. Without `is_fixed` the fixed ones are not made: who has no score in `used.profit` is unranked.
local function place_run(used, made, figures, is_fixed, hash, run)
  local row = redis.call('HGET', made.rows, hash)
  local status = row and status_of(row, hash)
  if status then
    local prefix = made.index_status_prefix .. status
    count_run(cached_figures(made, figures, status), hash, redis.call('ZSCORE', prefix .. ':profit', hash) or '', -1)
    if not run or status ~= run.status then
      for _, name in ipairs({':profit', ':unranked', ':updated', ':undated'}) do redis.call('ZREM', prefix .. name, hash) end
      redis.call('SREM', made.status_prefix .. status, hash)
    end
  end
  if not run then
    redis.call('HDEL', made.rows, hash)
    for _, key in ipairs({made.profit, made.unranked, made.updated, made.undated}) do redis.call('ZREM', key, hash) end
    redis.call('SREM', made.bots, hash)
    return
  end
  local prefix = made.index_status_prefix .. run.status
  count_run(cached_figures(made, figures, run.status), hash, run.profit, 1)
  put_rank(prefix .. ':profit', prefix .. ':unranked', hash, run.profit)
  put_rank(prefix .. ':updated', prefix .. ':undated', hash, run.updated)
  put_rank(made.updated, made.undated, hash, run.updated)
  redis.call('HSET', made.rows, hash, run.row)
  redis.call('SADD', made.bots, hash)
  if is_fixed then
    put_rank(made.profit, made.unranked, hash, run.profit)
    redis.call('SADD', made.status_prefix .. run.status, hash)
  elseif redis.call('ZSCORE', used.profit, hash) then redis.call('ZREM', made.unranked, hash)
  else redis.call('ZADD', made.unranked, 0, hash) end
end

-- What the derived keys in use say of a run: it, false when there is none, nothing when what they say makes no sense.
local function used_run(used, hash)
  local row = redis.pcall('HGET', used.rows, hash)
  if not row then return false end
  local status = type(row) == 'string' and status_of(row, hash)
  if not status then return nil end
  local profit = redis.pcall('ZSCORE', used.index_status_prefix .. status .. ':profit', hash) or ''
  local updated = redis.pcall('ZSCORE', used.updated, hash) or ''
  if type(profit) ~= 'string' or type(updated) ~= 'string' then return nil end
  return {status = status, profit = profit, updated = updated, row = row}
end

-- Take over up to `count` of the runs that our writers changed meanwhile; what cannot be taken over has to be read anew.
local function carry(used, made, figures, is_fixed, dirty, count)
  local life_ms = redis.call('PTTL', dirty)
  for _, hash in ipairs(redis.call('SPOP', dirty, count + 1)) do
    local run = hash ~= '' and used_run(used, hash)
    if run == nil then redis.call('SADD', made.heard, hash)
    elseif hash ~= '' then place_run(used, made, figures, is_fixed, hash, run or nil) end
  end
  -- The empty member, which keeps it alive, may have been taken with the others.
  redis.call('SADD', dirty, '')
  if life_ms >= 0 then redis.call('PEXPIRE', dirty, math.max(life_ms, 1)) end
end

local function store_made_figures(made, figures)
  for status, found in pairs(figures) do store_figures(made.stats, status, found) end
end
