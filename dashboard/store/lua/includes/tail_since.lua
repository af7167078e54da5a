-- What the tail of the sweep table says (see table_tail.lua), for readers.

-- The entries written after a revision, each behind its run, and the shapes that they name, each with its names.
local function read_tail(prefix, since)
  local flat, entries, digests, shapes, is_there = redis.call('HGETALL', prefix .. 'tail'), {}, {}, {}, {}
  for i = 1, #flat, 2 do
    local revision, digest = string.match(flat[i + 1], '^%d+ (%d+) %d+ (%S+)\n')
    if revision and tonumber(revision) > since then
      entries[#entries + 1], entries[#entries + 2] = flat[i], flat[i + 1]
      if not is_there[digest] then digests[#digests + 1], is_there[digest] = digest, true end
    end
  end
  if #digests > 0 then
    for i, text in ipairs(redis.call('HMGET', prefix .. 'shapes', unpack(digests))) do shapes[2 * i - 1], shapes[2 * i] = digests[i], text end
  end
  return entries, shapes
end
