-- Bring the indexes that a build has made up to date: with what our writers changed meanwhile, or with runs read anew.
--
-- KEYS[1] session:{sid}:index:stats
-- KEYS[2] session:{sid}:index:dirty
-- ARGV[1] JSON: token, prefix (of the indexes in use), next (of those made), fixed (whether the fixed ones are made too), count (most
--   runs to take over)
-- ARGV[2..] 5 for each run read anew: hash, status, profit, updated ('' when missing), row ('' takes the run out); at most 200
--
-- Output: number of runs left to be taken over, -1 nothing done: the build has been ended
--- @include "order"
--- @include "sums"
--- @include "sum_texts"
--- @include "figures"
--- @include "rows"
--- @include "shadow"
local options = cjson.decode(ARGV[1])
local used, made, figures = keys_under(options.prefix), keys_under(options.next), {}
if not is_current(used, options.token, KEYS[2]) then return -1 end
for i = 2, #ARGV, 5 do
  local run = {status = ARGV[i + 1], profit = ARGV[i + 2], updated = ARGV[i + 3], row = ARGV[i + 4]}
  place_run(used, made, figures, options.fixed, ARGV[i], run.row ~= '' and run or nil)
end
carry(used, made, figures, options.fixed, KEYS[2], options.count)
store_made_figures(made, figures)
return redis.call('SCARD', KEYS[2]) - 1
