#!lua flags=allow-oom
-- The ledger's clock: due jobs become ready, lost leases are taken back, limits that passed free what
-- they stopped, silent queues are rung, what is past its expiry or retention ends or is trimmed; a bounded
-- piece of it all, so that nobody waits for long.
-- KEYS: none.
-- ARGV: 1 to run although the last tick was less than a second ago, else 0.
-- Returns {ran, more, rubbish, next}: whether it ran, whether there was too much for one run, how
-- many jobs' stored results wait to be deleted, and the us until something is due, 60 s at the most.
local PIECE = 100 -- about 3 ms, however many queues there are
local AT_IT = 50000 -- us that other tickers leave the rest of a large piece to the one that began it
local SOON = 250000 -- us between two looks while rates hold jobs back
local TURNS_KEPT = 3600000000 -- us that a key's last turn is remembered
-- us without a tick after which nobody can be blamed for a lease not renewed
local GAP = math.max(2000000, math.min(5000000, LEASE / 4))
local before = call('HMGET', P .. 'tick', 'at', 'grace', 'next')
local last, grace = tonumber(before[1] or 0), tonumber(before[2] or 0)
local early = ARGV[1] ~= '1' and NOW >= last and NOW - last < 1000000
if early and NOW < tonumber(before[3] or 0) then
  return {0, 0, 0, math.min(tonumber(before[3]), last + 1000000) - NOW}
end
if NOW < last or NOW - last > GAP then
  grace = NOW + LEASE
  for _, holder in ipairs(call('ZRANGEBYSCORE', P .. 'leases', '(' .. integer(grace), '+inf')) do
    call('ZADD', P .. 'leases', grace, holder) -- promised by a clock that was set back
  end
end
if NOW < last and call('EXISTS', P .. 'timers') == 1 then -- so were these: all go on, a piece at a time
  if call('RENAMENX', P .. 'timers', P .. 'timers_old') == 0 then
    call('ZUNIONSTORE', P .. 'timers_old', 2, P .. 'timers_old', P .. 'timers')
    call('DEL', P .. 'timers')
  end
end
local left, soonest = PIECE, NOW + 60000000

-- The due members of an order. What is due next tells when the next tick is wanted.
local function piece(key, until_us)
  local ids = call('ZRANGEBYSCORE', key, '-inf', until_us or NOW, 'LIMIT', 0, left)
  left = left - #ids
  return ids
end

local function look_ahead(key)
  local first = call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if first[2] then soonest = math.min(soonest, tonumber(first[2])) end
end

local function move_due(key)
  for _, id in ipairs(piece(key)) do
    local job = read(id)
    call('ZREM', key, id)
    -- A record that somebody deleted shows as a gap, and stops nobody else's job.
    if job.state == 'PENDING' or job.state == 'RETRY' then
      ready(job, tonumber(call('HGET', job_key(id), 'due') or job.created))
    end
  end
  look_ahead(key)
end

local function move_due_of_shelves(queue)
  local index = order_key('shelves', queue)
  for _, shelf in ipairs(call('ZRANGEBYSCORE', index, '-inf', NOW)) do
    if left == 0 then break end
    move_due(shelf_key(queue, shelf))
    settle_shelf(queue, shelf)
  end
  look_ahead(index)
end

-- What is left of a shelf goes to the latest one, so that there are never many: one is looked at.
local function clear_shelf(queue)
  if left == 0 then return end
  local shelf = call('ZRANDMEMBER', order_key('shelves', queue))
  if not shelf or call('ZCARD', shelf_key(queue, shelf)) > SHELF / 4 then return end
  local latest = call('HGET', queue_key(queue), 'shelf')
  if latest == shelf then return end
  if call('ZCARD', shelf_key(queue, latest)) >= 2 * SHELF then latest = new_shelf(queue) end
  local some = call('ZPOPMIN', shelf_key(queue, shelf), left)
  left = left - #some / 2
  for i = 1, #some, 2 do call('ZADD', shelf_key(queue, latest), some[i + 1], some[i]) end
  settle_shelf(queue, shelf)
  settle_shelf(queue, latest)
end

local function trim(state, queue)
  local key = order_key(COUNTER[state], queue)
  for _, id in ipairs(piece(key)) do
    local job = call('HMGET', job_key(id), 'state', 'queue')
    -- Else its record ended before its turn here, and the id was accepted anew.
    if not job[1] or (job[1] == state and job[2] == queue) then forget(id) end
    call('ZREM', key, id)
  end
end

-- What a rate lets go on it soon stops again, until an instant that no tick has seen yet.
local function let_go_on(key, members)
  for _, member in ipairs(members) do
    local queue, node = string.match(member, '^([^\n]*)\n(.*)$')
    call('ZREM', key, member)
    unpark(queue, node, 'rate')
  end
  if #members > 0 then soonest = NOW + SOON end
end

local function keep_rates()
  let_go_on(P .. 'timers_old', piece(P .. 'timers_old', '+inf'))
  let_go_on(P .. 'timers', piece(P .. 'timers'))
  look_ahead(P .. 'timers')
end

-- A queue of which very many jobs are due holds up no other: who comes first changes from tick to tick.
local function move_all_due(queues)
  for i = 1, #queues do
    local queue = queues[(NOW + i) % #queues + 1]
    move_due(order_key('retry', queue))
    move_due(order_key('scheduled', queue))
    move_due_of_shelves(queue)
  end
end

-- What has started once does not expire, also where it comes back.
local function expire()
  for _, id in ipairs(piece(P .. 'expiring')) do
    local job = read(id)
    if job.token or not revoke(job, 'expired') then call('ZREM', P .. 'expiring', id) end
  end
end

-- Rings where jobs could start and no bell lies. Where nothing started since the last time, those who came
-- did not know the jobs' tasks: twice as many are called, up to all the workers that live.
local function ring_if_silent(queue)
  if bells(queue) > 0 or not is_claimable(queue) then return end
  local told = call('HMGET', queue_key(queue), 'success', 'failure', 'revoked', 'rung', 'rung_at')
  local at = table.concat({told[1] or 0, told[2] or 0, told[3] or 0, call('ZCARD', order_key('started', queue))}, ',')
  local times = 1
  if told[5] == at and not early then
    times = math.max(1, math.min(2 * tonumber(told[4]), call('ZCARD', P .. 'workers')))
  end
  for _ = 1, times do ring(queue) end
  if not early then call('HSET', queue_key(queue), 'rung', times, 'rung_at', at) end
end

if NOW >= grace then
  for _, holder in ipairs(piece(P .. 'leases')) do
    if release(holder, 'its worker fell silent') then call('HINCRBY', P .. 'tick', 'leases_lost', 1) end
  end
end
keep_rates()
local queues = call('SMEMBERS', P .. 'queues')
move_all_due(queues)
if not early then
  call('HINCRBY', P .. 'tick', 'whole', 1)
  guard_memory()
  expire()
  call('ZREMRANGEBYSCORE', P .. 'workers', '-inf', NOW)
  if GONE_TTL > 0 then
    local span = GONE_TTL / 4
    call('UNLINK', P .. 'gone:' .. integer(math.floor(NOW / 1000 / span) - 6)) -- its own end would block
  end
  for _, queue in ipairs(queues) do
    clear_shelf(queue)
    for state in pairs(COUNTER) do trim(state, queue) end
    local old = call('ZRANGEBYSCORE', order_key('turns', queue), '-inf', NOW - TURNS_KEPT, 'LIMIT', 0, 500)
    if #old > 0 then call('ZREM', order_key('turns', queue), unpack(old)) end
    if #old == 500 then left = 0 end
  end
end
for _, queue in ipairs(queues) do ring_if_silent(queue) end
if left == 0 then soonest = NOW + AT_IT end
-- An early run leaves `at` alone: a second of silence is counted from whole ticks.
call('HSET', P .. 'tick', 'at', early and last or NOW, 'grace', grace, 'next', soonest)
return {1, left == 0 and 1 or 0, call('SCARD', P .. 'rubbish'), math.max(0, soonest - NOW)}
