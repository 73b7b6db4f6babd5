-- Prefixed to every script: the names of keys, Redis's clock, bells.
-- @NAMES@ are filled in from the settings when the scripts are loaded.
local P = '@PREFIX@'
local LEASE = @LEASE_US@
local AGEING = @AGEING_US@
local LOST_LIMIT = @LOST_LIMIT@
local SUCCESS_TTL = @SUCCESS_TTL_MS@
local FAILURE_TTL = @FAILURE_TTL_MS@
local GONE_TTL = @GONE_TTL_MS@
local ONCE_TTL = @ONCE_TTL_MS@
local QUEUE_MAX_RUNNING = @QUEUE_MAX_RUNNING@ -- by queue
local QUEUE_MAX_LENGTH = @QUEUE_MAX_LENGTH@
local MEMORY_GUARD = @MEMORY_GUARD@ -- share of maxmemory above which nothing more is accepted
local BELLS = 2 -- ring while fewer lie in the queue's list; each worker that wakes wakes the next
local RECORD_GRACE = 3600000 -- ms that a record outlives its results, so that tick sees what it trims

local call = redis.call
local clock = call('TIME')
local NOW = clock[1] * 1000000 + clock[2]

local function job_key(id) return P .. 'job:' .. id end
local function queue_key(queue) return P .. 'queue:' .. queue end
local function order_key(order, queue) return P .. order .. ':' .. queue end
local function holder_key(holder) return P .. 'holder:' .. holder end
local function attempts_key(id) return P .. 'attempts:' .. id end
local function log_key(id) return P .. 'log:' .. id end
local function result_key(id) return 'celery-task-meta-' .. id end
local function stored_key(id, token) return P .. 'stored:' .. id .. ':' .. token end

-- Instants are microseconds since the epoch. Redis writes a number that is an argument in full; Lua's
-- own conversion, which a string or an answer needs, would round it.
local function integer(number) return string.format('%.0f', number) end

-- A stamp of this queue: now, and later than every stamp before, though the clock be set back.
local function next_stamp(queue)
  local last = tonumber(call('HGET', queue_key(queue), 'stamp') or 0)
  local stamp = NOW > last and NOW or last + 1
  call('HSET', queue_key(queue), 'stamp', stamp)
  return stamp
end

-- A queue that gives nothing to anybody: it is paused, or runs as many jobs as it may.
local function is_held_up(queue)
  local most = QUEUE_MAX_RUNNING[queue]
  return (most and call('ZCARD', order_key('started', queue)) >= most)
    or call('HEXISTS', queue_key(queue), 'paused') == 1
end

-- Whether the queue has a job that somebody may claim now.
local function is_claimable(queue)
  return call('EXISTS', order_key('plain', queue), order_key('fair', queue)) > 0 and not is_held_up(queue)
end

-- A standard Celery message that names the queue and no job; it wakes a worker.
local function ring(queue)
  local id = 'ring-' .. integer(call('INCR', P .. 'bells'))
  local name = string.sub(cjson.encode(queue), 2, -2)
  local quoted = string.sub(cjson.encode(name), 2, -2) -- the body is JSON inside a JSON string
  local bell = string.gsub([==[@BELL@]==], '%$(%u+)%$', {ID = id, QUEUE = name, QUOTED = quoted})
  call('LPUSH', queue, bell)
end

-- How many bells lie in the queue's list. The list's key is not the ledger's own: where it is no list,
-- nothing can be rung, and that must stop neither the queue's jobs nor the tick of all queues.
local function bells(queue)
  local length = redis.pcall('LLEN', queue)
  return type(length) == 'number' and length or BELLS
end

local function ring_if_few(queue)
  if bells(queue) < BELLS and is_claimable(queue) then ring(queue) end
end

-- Says, for the submits to come, whether Redis is close to its maxmemory.
local function guard_memory()
  local told = call('INFO', 'memory')
  local used, most = string.match(told, 'used_memory:(%d+)'), string.match(told, 'maxmemory:(%d+)')
  if tonumber(most) > 0 and tonumber(used) > tonumber(most) * MEMORY_GUARD then
    call('HSET', P .. 'tick', 'full', 1)
  else
    call('HDEL', P .. 'tick', 'full')
  end
end
