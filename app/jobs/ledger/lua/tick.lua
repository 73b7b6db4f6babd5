#!lua flags=allow-oom
-- The ledger's clock: due jobs become ready, lost leases are taken back, silent queues are rung,
-- what is past its retention is trimmed; a bounded piece of each.
-- KEYS: none.
-- ARGV: 1 to run although the last tick was less than a second ago, else 0.
-- Returns {ran, more, rubbish}: whether it ran, whether a piece was too large for one run, and how
-- many jobs' stored results wait to be deleted.
local PIECE = 500
local GAP = 5000000 -- us without a tick after which nobody can be blamed for a lease not renewed
local state = call('HMGET', P .. 'tick', 'at', 'grace')
local last, grace = tonumber(state[1] or 0), tonumber(state[2] or 0)
if ARGV[1] ~= '1' and NOW >= last and NOW - last < 1000000 then return {0, 0, 0} end
if NOW < last or NOW - last > GAP then
  grace = NOW + LEASE
  for _, holder in ipairs(call('ZRANGEBYSCORE', P .. 'leases', '(' .. integer(grace), '+inf')) do
    call('ZADD', P .. 'leases', grace, holder) -- promised by a clock that was set back
  end
end
call('HSET', P .. 'tick', 'at', NOW, 'grace', grace)
local more = 0

local function piece(key)
  local ids = call('ZRANGEBYSCORE', key, '-inf', NOW, 'LIMIT', 0, PIECE)
  if #ids == PIECE then more = 1 end
  return ids
end

local function move_due(order, queue)
  local key = order_key(order, queue)
  for _, id in ipairs(piece(key)) do
    local job = call('HMGET', job_key(id), 'task', 'key', 'due', 'prio')
    call('ZREM', key, id)
    call('HSET', job_key(id), 'state', 'PENDING')
    make_ready(queue, lane_of(job[1], job[2]), id, tonumber(job[3]), tonumber(job[4] or 0))
  end
end

local function trim(order, queue)
  local key = order_key(order, queue)
  for _, id in ipairs(piece(key)) do
    if call('HEXISTS', job_key(id), 'stored') == 1 then call('SADD', P .. 'rubbish', id) end
    call('UNLINK', job_key(id), result_key(id))
    call('ZREM', key, id)
  end
end

if NOW >= grace then
  for _, holder in ipairs(piece(P .. 'leases')) do release(holder, 'its worker fell silent') end
end
for _, queue in ipairs(call('SMEMBERS', P .. 'queues')) do
  move_due('scheduled', queue)
  move_due('retry', queue)
  trim('success', queue)
  trim('failure', queue)
  trim('revoked', queue)
  if is_claimable(queue) and call('LLEN', queue) == 0 then ring(queue) end
end
return {1, more, call('SCARD', P .. 'rubbish')}
