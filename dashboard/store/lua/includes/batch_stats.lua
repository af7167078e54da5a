-- What a batch needs of the hash of stats, in one command.

-- Where the runs of a batch begin among the arguments, which are asked for a dozen times a run: locals are found sooner than globals.
local FIRST_RUN, ARGV = 19, ARGV

-- built (a number), revision, building, summary_text, summary_head, failed (runs), table, rows, width; and figures by status: those of the statuses that the
-- batch names, and of completed runs, which the summary tells of.
local function read_stats(key)
  local fields = {'built', 'revision', 'building', 'summary_text', 'summary_head', 'n:failed', 'table', 'rows', 'width'}
  local first, statuses, is_there, last = #fields + 1, {'completed'}, {completed = true}, ''
  ask_figures(fields, 'completed')
  for i = FIRST_RUN, #ARGV, 9 do
    local status = ARGV[i + 5]
    if status ~= last and status ~= '' and not is_there[status] then
      is_there[status], last = true, status
      statuses[#statuses + 1] = status
      ask_figures(fields, status)
    end
  end
  local flat, figures = redis.call('HMGET', key, unpack(fields)), {}
  for i, status in ipairs(statuses) do figures[status] = figures_from(key, status, flat, first + 5 * (i - 1)) end
  return {
    built = tonumber(flat[1] or 0), revision = flat[2], building = flat[3], summary_text = flat[4], summary_head = flat[5],
    failed = flat[6] or 0, table = flat[7], rows = flat[8], width = flat[9], figures = figures,
  }
end
