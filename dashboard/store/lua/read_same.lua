-- Read the rows of some runs if the session's sweep table is still as it was when read_table said so: what was worked out from it
-- then is true now, and the rows are of the same state.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] session:{sid}:index:stats
-- KEYS[3] bot_registry:session_current:{sid}
-- KEYS[4] session:{sid}:index:rows
-- KEYS[5] session:{sid}:bots:profit
-- KEYS[6] session:{sid}:index:unranked
-- ARGV[1] layout version of the derived keys
-- ARGV[2] session:{sid}:table:, what the keys of the generation in use begin with
-- ARGV[3] what read_table said: generation, revision, rows, width, stale, texts, long, places and how many columns there are, each
--   with a space behind it
-- then the configHash of each run, 500 at most
--
-- Output: the row of each run, false for one without; nothing when anything has changed
--- @include "table_state"

local state = table_state()
if not state.is_built then return false end
local found = {
  state.generation, state.revision, state.rows, state.width, state.is_stale and 1 or 0, state.texts, state.long, state.places, state.names, '',
}
if table.concat(found, ' ') ~= ARGV[3] then return false end
if #ARGV == 3 then return {} end
return redis.call('HMGET', KEYS[4], unpack(ARGV, 4))
