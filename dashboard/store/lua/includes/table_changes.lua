-- What readers of the sweep table are told by: which segments and which rows were changed, and when.

-- Put down when segments were changed; return whether there are any.
local function note_segments(key, segments, revision)
  local flat = {}
  for segment in pairs(segments) do flat[#flat + 1], flat[#flat + 2] = revision, segment end
  if #flat > 0 then redis.call('ZADD', key, unpack(flat)) end
  return #flat > 0
end

-- Rows in the log of recent changes, and rows of one segment from which on it is cheaper to read it whole.
local MOST_RECENT, MANY_ROWS = 2000, 20

-- Put down changed rows: revision and row in turn.
local function add_recent(sweep, flat)
  local key = sweep.key .. 'recent'
  sweep.recent = sweep.recent + redis.call('ZADD', key, unpack(flat))
  if sweep.recent > MOST_RECENT then
    sweep.recent = sweep.recent - redis.call('ZREMRANGEBYRANK', key, 0, sweep.recent - MOST_RECENT - 1)
  end
end

-- Put down which rows were changed, for who reads them one by one: all since the lowest revision in the log are there. Where it is
-- not worth that, the log begins anew with a mark, the row ''. The rows, `count` of them, are those that are gone and those of pieces.
local function note_rows(sweep, gone, pieces, count, segments, revision)
  local key, most = sweep.key .. 'recent', 0
  for _ in pairs(segments) do most = most + MANY_ROWS end
  if count > most then
    if sweep.recent > 0 then redis.call('UNLINK', key) end
    redis.call('ZADD', key, revision, '')
    sweep.recent = 1
    return
  end
  local flat = {}
  for _, row in ipairs(gone) do flat[#flat + 1], flat[#flat + 2] = revision, row end
  for _, piece in ipairs(pieces) do
    for row = piece.row, piece.row + piece.count - 1 do flat[#flat + 1], flat[#flat + 2] = revision, row end
  end
  add_recent(sweep, flat)
end
