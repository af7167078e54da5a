-- Take away what we keep of a session whose last run and summary other programs have removed.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] session:{sid}:bots:profit
-- KEYS[3] session:{sid}:index:rows
-- KEYS[4] session:{sid}:index:stats
-- KEYS[5] session:{sid}:index:deleting
-- KEYS[6] bot_registry:session_current:{sid}
-- KEYS[7] session:{sid}:events
-- KEYS[8] session:{sid}:table:dropped
-- KEYS[9] to KEYS[12] bot_registry:sessions, its gone, state, seen; left out on a cluster, where they are written after
-- ARGV[1] the sid
-- ARGV[2] 1 if a summary of ours, made after theirs was removed, goes as well
--
-- Output: 1 done, 0 nothing done: there is something left
--- @include "session_list"
if redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3], KEYS[5]) > 0 then return 0 end
local text = redis.call('GET', KEYS[6])
if text and (ARGV[2] ~= '1' or text ~= redis.call('HGET', KEYS[4], 'summary_text')) then return 0 end
local generation = redis.call('HGET', KEYS[4], 'table')
if generation then redis.call('SADD', KEYS[8], generation) end
redis.call('UNLINK', KEYS[4], KEYS[6], KEYS[7])
local list = list_from(9)
if list then note_gone(list, ARGV[1]) end
return 1
