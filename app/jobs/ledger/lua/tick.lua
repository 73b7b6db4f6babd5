#!lua flags=allow-oom
-- The ledger's clock: due jobs become ready, lost leases are taken back, silent queues are rung,
-- what is past its retention is trimmed; a bounded piece of it all, so that nobody waits for long.
-- KEYS: none.
-- ARGV: 1 to run although the last tick was less than a second ago, else 0.
-- Returns {ran, more, rubbish}: whether it ran, whether there was too much for one run, and how
-- many jobs' stored results wait to be deleted.
local PIECE = 500 -- about 5 ms, however many queues there are
-- us without a tick after which nobody can be blamed for a lease not renewed
local GAP = math.max(2000000, math.min(5000000, LEASE / 4))
local before = call('HMGET', P .. 'tick', 'at', 'grace')
local last, grace = tonumber(before[1] or 0), tonumber(before[2] or 0)
if ARGV[1] ~= '1' and NOW >= last and NOW - last < 1000000 then return {0, 0, 0} end
if NOW < last or NOW - last > GAP then
  grace = NOW + LEASE
  for _, holder in ipairs(call('ZRANGEBYSCORE', P .. 'leases', '(' .. integer(grace), '+inf')) do
    call('ZADD', P .. 'leases', grace, holder) -- promised by a clock that was set back
  end
end
call('HSET', P .. 'tick', 'at', NOW, 'grace', grace)
local left = PIECE

local function piece(key)
  local ids = call('ZRANGEBYSCORE', key, '-inf', NOW, 'LIMIT', 0, left)
  left = left - #ids
  return ids
end

local function move_due(order, queue)
  local key = order_key(order, queue)
  for _, id in ipairs(piece(key)) do
    local job = call('HMGET', job_key(id), 'task', 'key', 'due', 'prio')
    call('ZREM', key, id)
    if job[1] then -- a record that somebody deleted shows as a gap, and stops nobody else's job
      call('HSET', job_key(id), 'state', 'PENDING')
      make_ready(queue, lane_of(job[1], job[2]), id, tonumber(job[3]), tonumber(job[4] or 0))
    end
  end
end

local function trim(state, queue)
  local key = order_key(COUNTER[state], queue)
  for _, id in ipairs(piece(key)) do
    local job = call('HMGET', job_key(id), 'state', 'queue', 'stored')
    -- Else its record ended before its turn here, and the id was accepted anew.
    if job[1] == state and job[2] == queue then
      if job[3] then call('SADD', P .. 'rubbish', id) end
      call('UNLINK', job_key(id), result_key(id))
    end
    call('ZREM', key, id)
  end
end

if NOW >= grace then
  for _, holder in ipairs(piece(P .. 'leases')) do release(holder, 'its worker fell silent') end
end
local queues = call('SMEMBERS', P .. 'queues')
for _, queue in ipairs(queues) do
  move_due('scheduled', queue)
  move_due('retry', queue)
  if is_claimable(queue) and bells(queue) == 0 then ring(queue) end
end
for _, queue in ipairs(queues) do
  for state in pairs(COUNTER) do trim(state, queue) end
end
return {1, left == 0 and 1 or 0, call('SCARD', P .. 'rubbish')}
