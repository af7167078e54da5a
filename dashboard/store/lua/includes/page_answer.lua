-- The answer of read_page; `score_of` tells the score of a member by its place on the page, '' without; `places` are those of the first
-- and the last member, if their list is merged.
local function answer(members, count, preceding, has_next, score_of, places)
  local scores, rows = {}, {}
  if #members > 0 then
    rows = redis.call('HMGET', KEYS[2], unpack(members))
    local is_whole = true
    for i = 1, #rows do is_whole = is_whole and rows[i] end
    scores = {preceding > 0 and score_of(1) or '', has_next and score_of(#members) or ''}
    -- Only what cursors are made of: writing out all members costs a tenth of the whole call.
    if is_whole and #members > 1 then members = {members[1], members[#members]} end
  end
  return {
    'page', known[2] or '0', count, preceding, preceding > 0 and 1 or 0, has_next and 1 or 0, stale and 1 or 0, members,
    scores, rows, places or {},
  }
end
