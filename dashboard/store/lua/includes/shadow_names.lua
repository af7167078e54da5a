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
