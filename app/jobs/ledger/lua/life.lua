-- Prefixed to the scripts that move a job from state to state.

local HISTORY = 20 -- attempts that a job's history keeps

-- Days since 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant's civil_from_days).
local function iso(us)
  local seconds = math.floor(us / 1000000)
  local days, rest = math.floor(seconds / 86400), seconds % 86400
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day = doy - math.floor((153 * mp + 2) / 5) + 1
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%06d+00:00', year, month, day,
    math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60, us % 1000000)
end

-- Writes Celery's result key and tells who waits. `meta` is a JSON object without its last fields.
local function publish(id, meta, ttl)
  local result = meta .. ',"date_done":"' .. iso(NOW) .. '","task_id":' .. cjson.encode(id) .. '}'
  call('SET', result_key(id), result, 'PX', ttl)
  call('PUBLISH', result_key(id), result)
end

local COUNTER = {SUCCESS = 'success', FAILURE = 'failure', REVOKED = 'revoked'}

local function failure(state, class, module, message)
  return '{"status":"' .. state .. '","result":' .. cjson.encode({
    exc_type = class, exc_module = module, exc_message = {message}
  }) .. ',"traceback":null,"children":[]'
end

local function revoked(message) return failure('REVOKED', 'TaskRevokedError', 'celery.exceptions', message) end

-- What a change of state needs to know of a job. Only a job with `also` has one of the rest.
local function read(id)
  local told = call('HMGET', job_key(id), 'state', 'token', 'queue', 'task', 'key', 'created', 'prio', 'attempt',
    'started', 'worker', 'also')
  local job = {
    id = id, state = told[1], token = told[2], queue = told[3], task = told[4], key = told[5] or '',
    created = tonumber(told[6] or 0), priority = tonumber(told[7] or 0), attempt = tonumber(told[8] or 0),
    started = told[9], worker = told[10]
  }
  if told[11] then
    local more = call('HMGET', job_key(id), 'expires', 'ttls', 'unique', 'slots', 'cancel', 'lists', 'by')
    job.expires, job.ttls, job.unique, job.slots, job.cancel, job.lists, job.by = unpack(more)
  end
  return job
end

local function ready(job, stamp)
  call('HSET', job_key(job.id), 'state', 'PENDING', 'since', stamp or NOW)
  make_ready(job.queue, job.task, job.key, job.id, stamp or job.created, job.priority)
end

-- Lets the job's place among the unique ones go, if it has it.
local function release_unique(job)
  if job.unique and call('GET', P .. 'unique:' .. job.unique) == job.id then
    call('DEL', P .. 'unique:' .. job.unique)
  end
end

-- The attempt runs no more, in whatever way it ended: the history keeps all but a success.
local function leave_started(job, outcome, cause, note)
  call('ZREM', order_key('started', job.queue), job.id)
  if outcome == 'LOST' or outcome == 'PENDING' then
    count(job.queue, job.task, AT_ENDED[outcome])
  else
    observe(job.queue, job.task, AT_RUN, NOW - tonumber(job.started or NOW), AT_ENDED[outcome])
  end
  if job.slots then
    call('HDEL', job_key(job.id), 'slots')
    free_slot(job.task, job.id)
    if job.key ~= '' then free_slot(node_of(job.task, job.key), job.id) end
  end
  if job.cancel then call('HDEL', P .. 'cancels', job.id) end
  if outcome == 'SUCCESS' then return end
  local attempt = cjson.encode({
    attempt = job.attempt, outcome = outcome, started_us = job.started, ended_us = integer(NOW),
    worker = job.worker or nil, cause = cause, error = note and note ~= '' and note or nil
  })
  call('RPUSH', attempts_key(job.id), attempt)
  call('LTRIM', attempts_key(job.id), -HISTORY, -1)
  call('HSET', job_key(job.id), 'also', 1, 'lists', 1)
  job.lists = '1'
end

-- A final state. Counts it, keeps the record for its time, publishes the result.
local function finalize(job, state, meta)
  local id, ttl = job.id, state == 'SUCCESS' and SUCCESS_TTL or FAILURE_TTL
  if job.ttls then ttl = tonumber(string.match(job.ttls, state == 'SUCCESS' and '^%d+' or '%d+$')) end
  call('HSET', job_key(id), 'state', state, 'ended', NOW)
  call('PEXPIRE', job_key(id), ttl + RECORD_GRACE)
  call('ZADD', order_key(COUNTER[state], job.queue), NOW + ttl * 1000, id)
  call('HINCRBY', queue_key(job.queue), COUNTER[state], 1)
  observe(job.queue, job.task, AT_TOTAL, NOW - job.created, AT_FINISHED[state])
  if job.by then -- it is held against its objective once
    call('HDEL', job_key(id), 'by')
    local met = state == 'SUCCESS' and NOW <= tonumber(job.by)
    if state ~= 'REVOKED' then count(job.queue, job.task, met and AT_OBJECTIVE.met or AT_OBJECTIVE.missed) end
  end
  if job.lists then
    call('PEXPIRE', attempts_key(id), ttl + RECORD_GRACE)
    call('PEXPIRE', log_key(id), ttl + RECORD_GRACE)
  end
  if job.stored then call('PEXPIRE', stored_key(id, job.stored), ttl + RECORD_GRACE) end -- unless it is in a database
  if job.expires then call('ZREM', P .. 'expiring', id) end
  release_unique(job)
  if meta ~= '' then publish(id, meta, ttl) end
end

-- Ends a job that does not run. False where it runs or has ended.
local function revoke(job, message)
  if job.state == 'RETRY' then
    call('ZREM', order_key('retry', job.queue), job.id)
  elseif job.state ~= 'PENDING' then
    return false
  elseif not take_out(job.queue, job.task, job.key, job.id) then
    unschedule(job.queue, job.id)
  end
  finalize(job, 'REVOKED', revoked(message))
  return true
end

-- The attempt is gone with its process: the job goes back to the head of its lane, or ends dead.
-- Without a cause no process is to blame, and nothing counts against the job; the history has `why`.
-- Does nothing unless this token is still the job's latest and runs.
local function take_back(id, token, cause, why)
  local job = read(id)
  if job.state ~= 'STARTED' or job.token ~= token then return false end
  local lost = cause and call('HINCRBY', job_key(id), 'lost', 1) or 0
  leave_started(job, 'LOST', cause or why or 'its worker was told to stop')
  if job.cancel then
    finalize(job, 'REVOKED', revoked(job.cancel))
  elseif lost >= LOST_LIMIT then
    local message = 'Lost ' .. lost .. ' attempts with their processes; the last: ' .. cause
    finalize(job, 'FAILURE', failure('FAILURE', 'WorkerLostError', 'billiard.exceptions', message))
  else
    ready(job)
    count(job.queue, job.task, AT_RECOVERED)
  end
  ring_if_few(job.queue)
  return true
end

-- Takes a holder out for good, and back what it held. True where it held a running attempt.
local function release(holder, cause)
  local key = holder_key(holder)
  local held = call('HMGET', key, 'job', 'token')
  call('ZREM', P .. 'leases', holder)
  call('HSET', key, 'gone', 1, 'job', '')
  call('PEXPIRE', key, 3600000)
  if not held[1] or held[1] == '' then return false end
  return take_back(held[1], held[2], cause)
end

-- Forgets an ended job, but for that it was there.
local function forget(id)
  local told = call('HMGET', job_key(id), 'stored', 'lists')
  if told[1] and call('UNLINK', stored_key(id, told[1])) == 0 then -- it is in a database
    call('SADD', P .. 'rubbish', id .. '\n' .. told[1])
  end
  call('UNLINK', job_key(id), result_key(id))
  if told[2] then call('UNLINK', attempts_key(id), log_key(id)) end
  if GONE_TTL > 0 then
    local span = GONE_TTL / 4
    local key = P .. 'gone:' .. integer(math.floor(NOW / 1000 / span))
    if call('SADD', key, string.sub(redis.sha1hex(id), 1, 12)) == 1 and call('SCARD', key) == 1 then
      call('PEXPIRE', key, GONE_TTL + 2 * span)
    end
  end
end
