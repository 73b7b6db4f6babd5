#!lua
-- Runs ended jobs again under their own ids, with a fresh budget of attempts; and those that wait for
-- their time at once.
-- KEYS: none.
-- ARGV: id...
-- Returns a word for each id: 'ready', 'waiting' (it is ready already), 'running', 'succeeded',
-- 'unique' (another job took its place among the unique ones), 'unknown'.
local function again(job)
  if job.unique then
    local other = call('GET', P .. 'unique:' .. job.unique)
    if other and other ~= job.id then return 'unique' end
    call('SET', P .. 'unique:' .. job.unique, job.id)
  end
  local key = job_key(job.id)
  call('ZREM', order_key(COUNTER[job.state], job.queue), job.id)
  call('HDEL', key, 'retries', 'lost', 'ended', 'expires', 'due', 'cancel', 'progress', 'stored')
  call('PERSIST', key)
  call('PERSIST', attempts_key(job.id))
  call('PERSIST', log_key(job.id))
  call('DEL', result_key(job.id))
  call('HINCRBY', queue_key(job.queue), 'redriven', 1)
  count(job.queue, job.task, AT_REDRIVEN)
  ready(job, next_stamp(job.queue))
  return 'ready'
end

local function redrive(job)
  if not job.state then return 'unknown' end
  if job.state == 'STARTED' then return 'running' end
  if job.state == 'SUCCESS' then return 'succeeded' end
  if COUNTER[job.state] then return again(job) end
  if call('ZREM', order_key('retry', job.queue), job.id) == 0 and not unschedule(job.queue, job.id) then
    return 'waiting'
  end
  ready(job)
  return 'ready'
end

local told = {}
for i = 1, #ARGV do
  local job = read(ARGV[i])
  told[i] = redrive(job)
  if told[i] == 'ready' then ring_if_few(job.queue) end
end
return told
