-- Prefixed to the scripts that answer a holder: claiming, and giving a lost answer again.

local TRIES = 100 -- jobs and lanes that one claim looks at: expired ones, and those that a limit stops
local HOLDER_TTL = 86400000 -- ms

-- The first task in an order that this worker knows, its place, and the task's limits.
local function first_known(order, known)
  local from = 0
  while true do
    local tasks = call('ZRANGE', order, from, from + 15, 'WITHSCORES')
    for i = 1, #tasks, 2 do
      local limits = call('HGET', known, tasks[i])
      if limits then return tasks[i], tonumber(tasks[i + 1]), limits end
    end
    if #tasks < 32 then return nil end
    from = from + 16
  end
end

local is_unsettled = false -- more lanes are to be put to their places before one can be claimed

-- The first lane with a key of a known task. Its stored place is from before its key's last turn where
-- another task of that key had it: then it is put right, and the next looked at.
local function first_fair(queue, known)
  for _ = 1, TRIES do
    local task, place, limits = first_known(order_key('fair', queue), known)
    if not task then return nil end
    local key = call('ZRANGE', keys_key(queue, task), 0, 0)[1]
    local first = call('ZRANGE', lane_key(queue, task, key), 0, 0, 'WITHSCORES')
    local right = fair_place(queue, key, first[1], first[2])
    if right <= place then return task, key, place, limits end
    call('ZADD', keys_key(queue, task), right, key)
    settle_task(queue, task)
  end
  is_unsettled = true
end

-- The lane whose turn it is: task, key, the task's limits, and whether there are keys to be fair to.
-- All jobs without a key take turns with the keys as one of them would.
local function next_lane(queue, known)
  local task, place, limits = first_known(order_key('plain', queue), known)
  if call('EXISTS', order_key('fair', queue)) == 0 then return task, '', limits, false end
  local fair_task, key, fair, fair_limits = first_fair(queue, known)
  if not fair_task then return task, '', limits, task ~= nil end
  if task then
    local first = call('ZRANGE', lane_key(queue, task, ''), 0, 0)[1]
    local turn = call('HGET', queue_key(queue), 'turn')
    if place_after_turn(turn, first, place) <= fair then return task, '', limits, true end
  end
  return fair_task, key, fair_limits, true
end

-- A node's limits: how many may run, the us between two starts, and how many may start at once.
local function is_stopped(queue, node, most, interval, burst)
  if most and call('SCARD', P .. 'slots:' .. node) >= most then
    park(queue, node, 'running')
    return true
  end
  if not interval then return false end
  local free = tonumber(call('GET', P .. 'rate:' .. node) or 0) - (burst - 1) * interval
  if free <= NOW or free > NOW + interval then return false end -- the clock may have been set back
  park(queue, node, 'rate', free)
  return true
end

-- Counts a start against a node's limits.
local function spend(node, id, most, interval, burst)
  if most then call('SADD', P .. 'slots:' .. node, id) end
  if not interval then return end
  local at = tonumber(call('GET', P .. 'rate:' .. node) or 0)
  if at > NOW + burst * interval then at = 0 end
  local until_full = math.max(at, NOW) + interval
  call('SET', P .. 'rate:' .. node, integer(until_full), 'PX', integer(math.ceil((until_full - NOW) / 1000)))
end

-- `limits` is six numbers or nothings between commas: for the task, then for each of its keys.
local function parsed(limits)
  local found = {}
  for number in string.gmatch(limits .. ',', '([^,]*),') do found[#found + 1] = tonumber(number) or false end
  return found
end

-- Takes the lane's first job; the lane moves to the place of its next.
local function pop(queue, task, key, id, next, place)
  leave_lane(queue, task, key, id)
  if key ~= '' then
    settle(queue, task, key)
  elseif next then
    call('ZADD', order_key('plain', queue), place, task)
  else
    call('ZREM', order_key('plain', queue), task)
  end
end

-- A key has its turn, or the jobs without one: whoever waits since before it comes first. What a lane
-- gets when nothing is left in it comes after that anyway.
local function take_turn(queue, key, more)
  if key ~= '' and not more then return end
  local turn = next_stamp(queue)
  if key == '' then
    call('HSET', queue_key(queue), 'turn', turn)
  else
    call('ZADD', order_key('turns', queue), turn, key)
  end
end

local function told(id)
  return call('HMGET', job_key(id), 'token', 'task', 'args', 'attempt', 'retries', 'queue', 'prio', 'created',
    'opts', 'expires', 'state', 'unique', 'uwait', 'since', 'started')
end

-- What a holder is told: the code of its call, and the job that it now holds, if any.
local function answer(code, id, job)
  if not id or id == '' then return {code} end
  return {code, id, job[1], job[2], job[3], job[4], job[5] or '0', job[6], job[7] or '0', job[8], job[9] or '{}',
    job[14] or '', job[15] or ''}
end

local function start(queue, id, job, worker)
  -- Not merely the next number: a Redis that came back with older data would give one out twice.
  job[1] = integer(math.max(NOW, tonumber(job[1] or 0) + 1))
  job[4] = integer(tonumber(job[4] or 0) + 1)
  job[15] = integer(NOW)
  call('HSET', job_key(id), 'state', 'STARTED', 'token', job[1], 'attempt', job[4], 'started', job[15],
    'worker', worker)
  call('ZADD', order_key('started', queue), NOW, id)
  if job[10] then call('ZREM', P .. 'expiring', id) end
  if job[13] then release_unique({id = id, unique = job[12]}) end
  observe(queue, job[2], AT_WAIT, NOW - tonumber(job[14] or job[8] or NOW))
end

-- The queue's next job for this holder: its id and what to tell of it, or nil.
local function claim(queue, known, worker)
  if is_held_up(queue) then return end
  for _ = 1, TRIES do
    local task, key, packed, fair = next_lane(queue, known)
    if not task then
      if is_unsettled then ring_if_few(queue) end -- whoever wakes goes on
      return
    end
    local node, limits = node_of(task, key), packed ~= '' and parsed(packed)
    local stopped = limits and (is_stopped(queue, task, limits[1], limits[2], limits[3])
      or key ~= '' and is_stopped(queue, node, limits[4], limits[5], limits[6]))
    if not stopped then
      local first = call('ZRANGE', lane_key(queue, task, key), 0, 1, 'WITHSCORES')
      local id, job = first[1], told(first[1])
      local expired = job[10] and not job[1] and tonumber(job[10]) <= NOW -- what has started does not expire
      if fair and job[2] and not expired then take_turn(queue, key, first[3]) end
      pop(queue, task, key, id, first[3], first[4])
      if expired then
        finalize(read(id), 'REVOKED', revoked('expired'))
      elseif job[2] then -- a record that somebody deleted shows as a gap
        if limits then
          spend(task, id, limits[1], limits[2], limits[3])
          if key ~= '' then spend(node, id, limits[4], limits[5], limits[6]) end
          if limits[1] or limits[4] then call('HSET', job_key(id), 'also', 1, 'slots', 1) end
        end
        start(queue, id, job, worker)
        ring_if_few(queue)
        return id, job
      end
    end
  end
  ring_if_few(queue) -- too many for one run: whoever wakes goes on
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
  if held and held ~= '' and (held ~= id or held_token ~= token) then take_back(held, held_token, nil, 'Redis came back with older data') end
end

local function remember(holder, seq, code, id, job)
  local key = holder_key(holder)
  local added = call('HSET', key, 'seq', seq, 'code', code, 'job', id or '', 'token', job and job[1] or '')
  if added == 4 then call('PEXPIRE', key, HOLDER_TTL) end -- for who never claims, and so has no lease
  return answer(code, id, job)
end
