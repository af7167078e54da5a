-- Raise an error while nothing is changed yet if a key of the session holds another type than it should: what a script has
-- written before it fails is not taken back.
local function check_types(keys, statuses)
  for _, key in ipairs({keys.profit, keys.unranked, keys.updated, keys.undated}) do redis.call('ZCARD', key) end
  redis.call('SCARD', keys.bots)
  redis.call('HLEN', keys.rows)
  redis.call('XLEN', keys.events)
  if keys.list then check_list_types(keys.list) end
  for status in pairs(statuses) do
    redis.call('SCARD', keys.status_prefix .. status)
    local prefix = keys.index_status_prefix .. status
    for _, name in ipairs({':profit', ':unranked', ':updated', ':undated'}) do redis.call('ZCARD', prefix .. name) end
  end
end
