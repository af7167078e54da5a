-- What a batch needs of the hash of stats, in one command.

-- Where the runs of a batch begin among the arguments, which are asked for a dozen times a run: locals are found sooner than globals.
local FIRST_RUN, ARGV = 19, ARGV

-- key, built (a number), revision, building, summary_text, summary_head, failed (runs), table, rows, width; the set is_named of the
-- statuses that the batch names; figures by status: of these, and of completed runs, which the summary tells of.
local function read_stats(key)
  local fields = {'built', 'revision', 'building', 'summary_text', 'summary_head', 'n:failed', 'table', 'rows', 'width'}
  local first, statuses, is_named, last = #fields + 1, {'completed'}, {}, ''
  ask_figures(fields, 'completed')
  for i = FIRST_RUN, #ARGV, 9 do
    local status = ARGV[i + 5]
    if status ~= last and status ~= '' and not is_named[status] then
      is_named[status], last = true, status
      if status ~= 'completed' then
        statuses[#statuses + 1] = status
        ask_figures(fields, status)
      end
    end
  end
  local flat, figures = redis.call('HMGET', key, unpack(fields)), {}
  for i, status in ipairs(statuses) do figures[status] = figures_from(key, status, flat, first + 5 * (i - 1)) end
  return {
    key = key, is_named = is_named, built = tonumber(flat[1] or 0), revision = flat[2], building = flat[3],
    summary_text = flat[4], summary_head = flat[5], failed = flat[6] or 0, table = flat[7], rows = flat[8], width = flat[9],
    figures = figures,
  }
end
