-- What is exchanged when a build is done (see swap_indexes.lua).

-- The names of all indexes, under whatever prefix, the stats last.
local function names_made(options, used_stats, made_stats)
  local statuses, names = {}, {}
  for _, status in ipairs(options.statuses) do statuses[status] = true end
  for _, stats in ipairs({used_stats, made_stats}) do
    for _, field in ipairs(redis.call('HKEYS', stats)) do
      if string.sub(field, 1, 2) == 'n:' then statuses[string.sub(field, 3)] = true end
    end
  end
  for _, name in ipairs({'rows', 'unranked', 'updated', 'undated'}) do names[#names + 1] = 'index:' .. name end
  if options.fixed then
    names[#names + 1] = 'bots'
    names[#names + 1] = 'bots:profit'
  end
  for status in pairs(statuses) do
    if options.fixed then names[#names + 1] = 'bots:status:' .. status end
    for _, name in ipairs({':profit', ':unranked', ':updated', ':undated'}) do names[#names + 1] = 'index:status:' .. status .. name end
  end
  names[#names + 1] = 'index:stats'
  return names
end

-- Have the stats made name the sweep table that is in use.
local function keep_table(used_stats, made_stats)
  local sweep = redis.call('HMGET', used_stats, 'table', 'rows', 'width', 'swept')
  if sweep[1] then redis.call('HSET', made_stats, 'table', sweep[1], 'rows', sweep[2], 'width', sweep[3]) end
  if sweep[4] then redis.call('HSET', made_stats, 'swept', sweep[4]) end
end
