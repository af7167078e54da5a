-- Make a session vanish at once: every index, the summary and the events go now, the records are left to a list of work.
-- What may be large is put aside: to free it would take long.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] session:{sid}:index:deleting
-- KEYS[3] session:{sid}:index:stats
-- KEYS[4] session:{sid}:table:dropped
-- KEYS[5] to KEYS[8] bot_registry:sessions, its gone, state, seen; left out on a cluster, where they are written after
-- ARGV[1] the sid
-- ARGV[2] what the session's indexes begin with
-- ARGV[3] what they begin with when they are put aside, which no key does by now
-- ARGV[4] the summary
-- ARGV[5..] every other key of the session that holds no record and is no status's
--
-- Output: number of runs on the list of work, -1 when there is no such session, -2 nothing done: the session was made again while
--   the list of an earlier deletion still holds runs, which have to go first
--- @include "session_list"
local list = list_from(5)
if list then check_list_types(list) end
local runs = redis.call('SCARD', KEYS[1])
local is_known = redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3], KEYS[4], unpack(ARGV, 4)) > 0
if not is_known then return -1 end
if runs > 0 then
  if redis.call('SCARD', KEYS[2]) > redis.call('SISMEMBER', KEYS[2], '') then return -2 end
  redis.call('RENAME', KEYS[1], KEYS[2])
end
-- Its sweep table is removed after the records.
local generation = redis.pcall('HGET', KEYS[3], 'table')
if type(generation) == 'string' then redis.call('SADD', KEYS[4], generation) end
-- The empty member keeps the list alive until its last run is gone: a deletion that was stopped can be found and taken up.
redis.call('SADD', KEYS[2], '')
local names = {KEYS[3], unpack(ARGV, 5)}
local statuses = {'completed', 'failed', 'running'}
for _, field in ipairs(redis.call('HKEYS', KEYS[3])) do
  if string.sub(field, 1, 2) == 'n:' then statuses[#statuses + 1] = string.sub(field, 3) end
end
for _, status in ipairs(statuses) do
  names[#names + 1] = ARGV[2] .. 'bots:status:' .. status
  for _, name in ipairs({':profit', ':unranked', ':updated', ':undated'}) do
    names[#names + 1] = ARGV[2] .. 'index:status:' .. status .. name
  end
end
for _, name in ipairs(names) do
  if redis.call('EXISTS', name) == 1 then
    local aside = ARGV[3] .. string.sub(name, #ARGV[2] + 1)
    redis.call('RENAME', name, aside)
    redis.call('PERSIST', aside)
  end
end
redis.call('UNLINK', ARGV[4])
if list then note_gone(list, ARGV[1]) end
return runs
