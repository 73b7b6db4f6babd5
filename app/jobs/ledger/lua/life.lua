-- Prefixed to the scripts that move a job from state to state.

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

-- A final state. Counts it, keeps the record for its time, publishes the result.
local function finalize(id, queue, state, meta)
  local ttl = state == 'SUCCESS' and SUCCESS_TTL or FAILURE_TTL
  call('HSET', job_key(id), 'state', state, 'ended', NOW)
  call('PEXPIRE', job_key(id), ttl + RECORD_GRACE)
  call('ZADD', order_key(COUNTER[state], queue), NOW + ttl * 1000, id)
  call('HINCRBY', queue_key(queue), COUNTER[state], 1)
  if meta ~= '' then publish(id, meta, ttl) end
end

local function failure(state, class, module, message)
  return '{"status":"' .. state .. '","result":' .. cjson.encode({
    exc_type = class, exc_module = module, exc_message = {message}
  }) .. ',"traceback":null,"children":[]'
end

-- The attempt is gone with its process: the job goes back to the head of its lane, or ends dead.
-- Without a cause no process is to blame, and nothing counts against the job.
-- Does nothing unless this token is still the job's latest and runs.
local function take_back(id, token, cause)
  local job = call('HMGET', job_key(id), 'state', 'token', 'queue', 'task', 'key', 'created', 'prio')
  if job[1] ~= 'STARTED' or job[2] ~= token then return false end
  call('ZREM', order_key('started', job[3]), id)
  local lost = cause and call('HINCRBY', job_key(id), 'lost', 1) or 0
  if lost >= LOST_LIMIT then
    local message = 'Lost ' .. lost .. ' attempts with their processes; the last: ' .. cause
    finalize(id, job[3], 'FAILURE', failure('FAILURE', 'WorkerLostError', 'billiard.exceptions', message))
  else
    call('HSET', job_key(id), 'state', 'PENDING')
    make_ready(job[3], lane_of(job[4], job[5]), id, tonumber(job[6]), tonumber(job[7] or 0))
    ring_if_few(job[3])
  end
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
