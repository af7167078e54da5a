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
      if not IS_USUAL[status] then
        for _, key in ipairs({made.updated, made.undated}) do redis.call('ZREM', key, hash) end
      end
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
  if not IS_USUAL[run.status] then put_rank(made.updated, made.undated, hash, run.updated) end
  redis.call('HSET', made.rows, hash, run.row)
  redis.call('SADD', made.bots, hash)
  if is_fixed then
    put_rank(made.profit, made.unranked, hash, run.profit)
    redis.call('SADD', made.status_prefix .. run.status, hash)
  elseif redis.call('ZSCORE', used.profit, hash) then redis.call('ZREM', made.unranked, hash)
  else redis.call('ZADD', made.unranked, 0, hash) end
end

local function store_made_figures(made, figures)
  for status, found in pairs(figures) do store_figures(made.stats, status, found) end
end
