-- Take notice in the list of sessions of what was not written by our scripts, or lies on another node of a cluster.
--
-- KEYS[1] bot_registry:sessions
-- KEYS[2] bot_registry:sessions:gone
-- KEYS[3] bot_registry:sessions:state
-- KEYS[4] bot_registry:sessions:seen
-- ARGV[1..] for each session 3 values: the sid; '' if it changed, else the number of its last change, and it goes if that is
--   still so; what was seen of it ('' if our scripts wrote it)
--
-- Output: 1
--- @include "session_list"

local list = list_from(1)
for i = 1, #ARGV, 3 do
  local sid, last, seen = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if last == '' then
    local number = note_change(list, sid)
    if seen ~= '' then redis.call('HSET', list.seen, sid, number .. ' ' .. seen) end
  else
    local score = redis.call('ZSCORE', list.sessions, sid)
    -- One that was made again meanwhile stays.
    if score and tonumber(score) == tonumber(last) then note_gone(list, sid) end
  end
end
return 1
