-- The first writes of a single put (see write_run.lua): a server that is out of memory refuses the first of them, and nothing at all once a
-- script has changed something. They need no look first: what fails is taken back.

-- Name the run in the session's set and in that of its status, tell of it by an event, whose fields are given, and put down in the list that
-- the session was changed. Return how many runs the session has more; nothing, and nothing is changed, where somebody has put something else
-- under one of the keys, or the session's set names the run although it has no row.
local function write_first(bots, of_status, events, list, sid, hash, is_known, most, ...)
  local filed, added, id, number, listed = redis.call('SADD', of_status, hash), redis.call('SADD', bots, hash), nil, nil, 0
  if is_known or added == 1 then id = redis.pcall('XADD', events, 'MAXLEN', '~', most, '*', ...) end
  if list and type(id) == 'string' then
    number = number_after(list, string.match(id, '^%d+') * 1000)
    listed = redis.pcall('ZADD', list.sessions, number, sid)
  end
  if type(id) == 'string' and type(listed) == 'number' then
    if list then give_out(list, number) end
    if listed == 1 then redis.pcall('ZREM', list.gone, sid) end
    return added
  end
  if filed == 1 then redis.call('SREM', of_status, hash) end
  if added == 1 then redis.call('SREM', bots, hash) end
  if type(id) == 'string' then redis.call('XDEL', events, id) end
  return nil
end
