-- Bring the indexes that a build has made up to date: with what our writers changed meanwhile, or with runs read anew.
--
-- KEYS[1] session:{sid}:index:stats
-- KEYS[2] session:{sid}:index:dirty
-- ARGV[1] JSON: token, prefix (of the indexes in use), next (of those made), fixed (whether the fixed ones are made too), table (of the
--   sweep table made, if one is, see shadow_table.lua), count (most runs to take over)
-- then, where runs were read anew: ARGV[2] to ARGV[5] their rows of the sweep table, as ARGV[15] to ARGV[18] of write_runs.lua; and 5 for
--   each run: hash, status, profit, updated ('' when missing), row ('' takes the run out); at most 200
--
-- Output: number of runs left to be taken over, -1 nothing done: the build has been ended
--- @include "bytes_order"
--- @include "doubles"
--- @include "sums"
--- @include "sum_texts"
--- @include "figures"
--- @include "rows"
--- @include "times"
--- @include "table_shapes"
--- @include "table_columns"
--- @include "table_found"
--- @include "table_rows"
--- @include "table_parts"
--- @include "table_changes"
--- @include "table_free"
--- @include "table_ahead"
--- @include "table_places"
--- @include "shadow_table"
--- @include "shadow_copy"
--- @include "shadow"
--- @include "shadow_carry"
local FIRST_RUN = 6
local options = cjson.decode(ARGV[1])
local used, made, figures, read = keys_under(options.prefix), keys_under(options.next), {}, {}
if not is_current(used, options.token, KEYS[2]) then return -1 end
for i = FIRST_RUN, #ARGV, 5 do
  local run = {status = ARGV[i + 1], profit = ARGV[i + 2], updated = ARGV[i + 3], row = ARGV[i + 4]}
  local is_gone = run.row == ''
  place_run(used, made, figures, options.fixed, ARGV[i], not is_gone and run or nil)
  read[#read + 1] = {hash = ARGV[i], is_gone = is_gone}
end
if #read > 0 then change_made(made, options, take_told({}, 2), read) end
local left = carry(used, made, figures, options, KEYS[2], options.count)
store_made_figures(made, figures)
return left
