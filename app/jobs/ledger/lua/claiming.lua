-- Prefixed to the scripts that answer a holder: claiming, and giving a lost answer again.

local EXPIRED_PIECE = 200 -- expired jobs that one claim clears away
local HOLDER_TTL = 86400000 -- ms

-- The first lane of the queue whose task this worker knows.
local function first_lane(queue, known)
  local from = 0
  while true do
    local lanes = call('ZRANGE', lanes_key(queue), from, from + 15)
    for _, lane in ipairs(lanes) do
      if call('SISMEMBER', known, string.match(lane, '^[^\n]*')) == 1 then return lane end
    end
    if #lanes < 16 then return nil end
    from = from + 16
  end
end

-- Takes the lane's first job; the lane moves to the place of its next.
local function pop(queue, lane)
  local first = call('ZRANGE', lane_key(queue, lane), 0, 1, 'WITHSCORES')
  call('ZREM', lane_key(queue, lane), first[1])
  if first[3] then
    call('ZADD', lanes_key(queue), first[4], lane)
  else
    call('ZREM', lanes_key(queue), lane)
  end
  return first[1], first[3] ~= nil
end

local function told(id)
  return call('HMGET', job_key(id), 'token', 'task', 'args', 'attempt', 'retries', 'queue', 'prio', 'created',
    'opts', 'expires', 'state')
end

-- What a holder is told: the code of its call, and the job that it now holds, if any.
local function answer(code, id, job)
  if not id or id == '' then return {code} end
  return {code, id, job[1], job[2], job[3], job[4], job[5] or '0', job[6], job[7] or '0', job[8], job[9] or '{}'}
end

-- The queue's next job for this holder: its id and what to tell of it, or nil.
local function claim(queue, known, holder)
  local lane, expired = first_lane(queue, known), 0
  while lane and expired < EXPIRED_PIECE do
    local id, more = pop(queue, lane)
    local job = told(id)
    if job[10] and tonumber(job[10]) <= NOW then
      finalize(id, queue, 'REVOKED', failure('REVOKED', 'TaskRevokedError', 'celery.exceptions', 'expired'))
      expired = expired + 1
    elseif job[2] then -- a record that somebody deleted shows as a gap
      -- Not merely the next number: a Redis that came back with older data would give one out twice.
      job[1] = integer(math.max(NOW, tonumber(job[1] or 0) + 1))
      job[4] = integer(tonumber(job[4] or 0) + 1)
      call('HSET', job_key(id), 'state', 'STARTED', 'token', job[1], 'attempt', job[4], 'started', NOW,
        'holder', holder)
      call('ZADD', order_key('started', queue), NOW, id)
      if (more or is_claimable(queue)) and bells(queue) < BELLS then ring(queue) end
      return id, job
    end
    lane = first_lane(queue, known)
  end
  if lane then ring_if_few(queue) end -- too many had expired for one run: whoever wakes goes on
end

-- The answer that this holder was given to this very call before, or nil: a reply can be lost, and
-- a call that was sent twice can arrive after the calls that came later. After nil: the job that the
-- ledger believes it to have, and its token.
local function replay(holder, seq)
  local last = call('HMGET', holder_key(holder), 'seq', 'code', 'job', 'gone', 'token')
  if last[4] then return {'gone'} end
  if last[1] == seq then
    local job = last[3] ~= '' and told(last[3])
    local held = job and job[1] == last[5] and job[11] == 'STARTED' -- else it was ended by force
    return answer(last[2], held and last[3], job)
  end
  if last[1] and tonumber(last[1]) > tonumber(seq) then return {'stale'} end
  return nil, last[3], last[5]
end

-- With its call a holder says what it has: a job at a token, or nothing. Whatever else the ledger
-- believes it to have, nobody works on: a restarted Redis came back with older data.
local function has_only(id, token, held, held_token)
  if held and held ~= '' and (held ~= id or held_token ~= token) then take_back(held, held_token) end
end

local function remember(holder, seq, code, id, job)
  local key = holder_key(holder)
  local added = call('HSET', key, 'seq', seq, 'code', code, 'job', id or '', 'token', job and job[1] or '')
  if added == 4 then call('PEXPIRE', key, HOLDER_TTL) end -- for who never claims, and so has no lease
  return answer(code, id, job)
end
