-- The list of sessions, and the log of its changes. Whatever changes what the list shows of a session gets a number: the score of
-- the sid in the list, or among the gone. A process that knows the list up to a number asks for what came after it.
-- `list` is {sessions, gone, state, seen, last (number, if read)}, or nil on a cluster, where these keys lie elsewhere and are written after.

-- Deletions that are remembered; whoever has missed more reads the whole list again.
local GONE_KEPT = 1000

local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- The number that comes next. `now` is the time of the day in microseconds: a server that comes back with an older data set gives out no
-- number twice.
local function number_after(list, now)
  list.last = tonumber(list.last or redis.call('HGET', list.state, 'number') or 0)
  return string.format('%.0f', math.max(list.last + 1, now or now_us()))
end

-- Put down that the number is given out.
local function give_out(list, number)
  redis.call('HSET', list.state, 'number', number)
  if list.last == 0 then redis.call('HSET', list.state, 'epoch', number) end
  list.last = number
end

local function next_number(list, now)
  local number = number_after(list, now)
  give_out(list, number)
  return number
end

local function note_change(list, sid, now)
  local number = next_number(list, now)
  if redis.call('ZADD', list.sessions, number, sid) == 1 then redis.call('ZREM', list.gone, sid) end
  return number
end

local function note_gone(list, sid)
  if redis.call('ZREM', list.sessions, sid) == 0 then return end
  redis.call('HDEL', list.seen, sid)
  redis.call('ZADD', list.gone, next_number(list), sid)
  if redis.call('ZCARD', list.gone) > GONE_KEPT then
    redis.call('HSET', list.state, 'forgotten', redis.call('ZPOPMIN', list.gone)[2])
  end
end

-- Raise an error if one of the keys holds another type than it should.
local function check_list_types(list)
  redis.call('ZCARD', list.sessions)
  redis.call('ZCARD', list.gone)
  redis.call('HLEN', list.state)
  redis.call('HLEN', list.seen)
end

-- The same for what `note_change` touches, which then need not read the last number again.
local function check_change_types(list, sid)
  list.last = redis.call('HGET', list.state, 'number')
  if not redis.call('ZSCORE', list.sessions, sid) then redis.call('ZCARD', list.gone) end
end

local function list_from(first)
  return KEYS[first] and {sessions = KEYS[first], gone = KEYS[first + 1], state = KEYS[first + 2], seen = KEYS[first + 3]}
end
