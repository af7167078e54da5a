-- What a batch has gathered (see batch.lua) is written.

local function flush(batch)
  -- Events first, then texts: a server that is out of memory refuses these, and nothing at all once a script has changed something.
  flush_entries(batch)
  if batch.text_count > 0 then redis.call('MSET', unpack(batch.texts)) end
  if batch.row_count > 0 then redis.call('HSET', batch.keys.rows, unpack(batch.rows)) end
  flush_places(batch.places)
  flush_table(batch.sweep, batch.revision)
  batch.texts, batch.text_count, batch.rows, batch.row_count = {}, 0, {}, 0
end

local function flush_before(batch, hash)
  if batch.gathered[hash] then
    flush(batch)
    batch.gathered = {}
  end
  batch.gathered[hash] = true
end
