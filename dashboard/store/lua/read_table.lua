-- Read what has changed in a session's sweep table since a revision, in the columns asked for and in the hashes: the rows, if they are
-- few and far between, else the whole segments. After it, who had the state of that revision has that of the one answered. As many
-- strings are read as ARGV allows, else none: the caller then reads segments one by one and asks again.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] session:{sid}:index:stats
-- KEYS[3] bot_registry:session_current:{sid}
-- KEYS[4] session:{sid}:index:rows
-- KEYS[5] session:{sid}:bots:profit
-- KEYS[6] session:{sid}:index:unranked
-- the keys of the generation in use, session:{sid}:table:{g}:..., begin with ARGV[2]
-- ARGV[1] layout version of the derived keys
-- ARGV[2] session:{sid}:table:
-- ARGV[3] number of fields, then the fields
-- then, the last six: rows of a segment; generation known, '' for none; revision known; number of names known; most segments to
--   read, in those of one column; 1 where columns will be read that are not known yet
--
-- Output: {'missing'} no such session, {'unbuilt', cardinality} derived keys not there yet, or {'table', generation ('' before
--   the first run), revision, rows, width, stale, texts (how many), long (how many), places (how many), names of the columns (nil
--   when there are as many as known), changed segments and the revision of each, what follows: 1 the segments whose hashes changed,
--   their hashes, then for each field in turn its values in each changed segment; 2 the changed rows, a text of their hashes ('' where no
--   row has got another one), then for each field in turn a text of its values; 0 too much has changed, and nothing follows but the segments
--   whose hashes did}; between the hashes and the values stand the runs of the tail, each with its entry (see table_tail.lua), which are
--   newer than all that, and the shapes of these, each with its names: of 2 only what has changed since}
local SEGMENT_ROWS = tonumber(ARGV[#ARGV - 5])
--- @include "changed_rows"
--- @include "tail_since"
--- @include "table_state"

local state = table_state()
if not state.is_built then
  if state.bots > 0 then return {'unbuilt', state.bots} end
  if redis.call('EXISTS', KEYS[2], KEYS[3]) == 0 then return {'missing'} end
end
local revision, generation, prefix = state.revision, state.generation, state.prefix
if generation == '' then return {'table', '', revision, 0, 8, state.is_stale and 1 or 0, 0, 0, 0, {}, {}, 1, {}, {}, {}, {}} end
local fields, last, is_cold = tonumber(ARGV[3]), #ARGV - 1, ARGV[#ARGV] == '1'
local names, changes, moved, rows, is_whole = false, {}, {}, nil, true
local is_other, is_later = ARGV[last - 3] ~= generation, ARGV[last - 2] ~= revision
if is_other or state.names ~= tonumber(ARGV[last - 1]) then names = redis.call('SMEMBERS', prefix .. 'columns') end
if not is_other and is_later then
  local since = '(' .. ARGV[last - 2]
  changes = redis.call('ZRANGEBYSCORE', prefix .. 'changes', since, '+inf', 'WITHSCORES')
  -- Without any, the rows that were given out are those of the tail.
  if #changes > 0 then moved = redis.call('ZRANGEBYSCORE', prefix .. 'moved', since, '+inf') end
  rows = rows_since(prefix .. 'recent', ARGV[last - 2], #changes / 2, fields)
  is_whole = rows or #changes / 2 * fields + #moved * state.width / 8 <= tonumber(ARGV[last])
end
local answer = {
  'table', generation, revision, state.rows, state.width, state.is_stale and 1 or 0, state.texts, state.long, state.places, names,
  changes, rows and 2 or is_whole and 1 or 0, rows or moved, {}, {}, {},
}
if is_other or is_later or is_cold then
  local since = (rows or #changes == 0) and not (is_other or is_cold) and tonumber(ARGV[last - 2]) or -1
  answer[15], answer[16] = read_tail(prefix, since)
end
if rows then
  local segments, places = places_of(rows)
  answer[14] = #moved == 0 and '' or parts_of_rows(segments, places, prefix .. 'hashes:', '', state.width)
  for field = 4, 3 + fields do answer[#answer + 1] = parts_of_rows(segments, places, prefix .. 'values:', ':' .. ARGV[field], 8) end
end
if rows or not is_whole then return answer end
for place, segment in ipairs(moved) do answer[14][place] = redis.call('GET', prefix .. 'hashes:' .. segment) end
for field = 4, 3 + fields do
  local pieces = {}
  for place = 1, #changes, 2 do
    pieces[#pieces + 1] = redis.call('GET', prefix .. 'values:' .. changes[place] .. ':' .. ARGV[field])
  end
  answer[#answer + 1] = pieces
end
return answer
