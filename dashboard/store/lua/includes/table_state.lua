-- What is known of a session and of its sweep table, which has no generation before the first run. KEYS[1] to KEYS[6] and ARGV[2] are
-- those of read_table.
local function table_state()
  local known = redis.call('HMGET', KEYS[2], 'built', 'revision', 'table', 'rows', 'width', 'swept')
  local state = {
    bots = redis.call('SCARD', KEYS[1]), is_built = known[1] == ARGV[1] and known[3] and known[6], revision = known[2] or '0',
    generation = known[3] or '', rows = tonumber(known[4] or 0), width = tonumber(known[5] or 8),
  }
  local indexed = redis.call('HLEN', KEYS[4])
  if state.generation == '' then
    state.is_stale = state.bots ~= indexed
    return state
  end
  local prefix = ARGV[2] .. state.generation .. ':'
  local ranked = redis.call('ZCARD', KEYS[5]) + redis.call('ZCARD', KEYS[6])
  state.prefix, state.places = prefix, redis.call('HLEN', prefix .. 'places')
  state.is_stale = state.bots ~= indexed or ranked ~= indexed or state.places ~= indexed
  state.names, state.texts = redis.call('SCARD', prefix .. 'columns'), redis.call('HLEN', prefix .. 'texts')
  state.long = redis.call('HLEN', prefix .. 'long')
  return state
end
