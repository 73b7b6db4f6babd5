#!lua flags=allow-oom
-- Ends an attempt and, when asked, claims the next job for the same holder.
-- KEYS: none.
-- ARGV: holder, seq, id, token, outcome, meta (JSON without its end, '' to publish nothing),
--       delay (us, RETRY), due (us since the epoch, '' for none, RETRY), arguments (RETRY, '' for the
--       same), stored (1: the result is in the database), queue to claim from ('' for no claim),
--       key of the set of tasks that the holder's worker knows, counts (1: a hand-back that counts as an
--       attempt; '' or absent: it does not).
-- Outcome: SUCCESS, FAILURE, REVOKED, RETRY, or PENDING (handed back).
-- Returns as claim.lua does; {'refused'} when the token is not the job's latest or it does not run:
-- then nothing is recorded and nothing claimed. {'gone'} when the holder was released.
local holder, seq, id, token, outcome, meta = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local before, held, held_token = replay(holder, seq)
if before then return before end
has_only(id, token, held, held_token)

local record = job_key(id)
local job = call('HMGET', record, 'state', 'token', 'queue', 'task', 'key', 'created', 'prio')
if job[1] ~= 'STARTED' or job[2] ~= token then return remember(holder, seq, 'refused') end
local queue, lane, priority = job[3], lane_of(job[4], job[5]), tonumber(job[7] or 0)
call('ZREM', order_key('started', queue), id)

if outcome == 'PENDING' then
  call('HSET', record, 'state', 'PENDING')
  if ARGV[13] ~= '1' then call('HINCRBY', record, 'attempt', -1) end
  make_ready(queue, lane, id, tonumber(job[6]), priority)
elseif outcome == 'RETRY' then
  local due = ARGV[8] ~= '' and tonumber(ARGV[8]) or NOW + tonumber(ARGV[7])
  call('HINCRBY', record, 'retries', 1)
  if ARGV[9] ~= '' then call('HSET', record, 'args', ARGV[9]) end
  if due > NOW then
    call('HSET', record, 'state', 'RETRY', 'due', integer(due))
    call('ZADD', order_key('retry', queue), due, id)
  else
    call('HSET', record, 'state', 'PENDING')
    make_ready(queue, lane, id, tonumber(job[6]), priority)
  end
  if meta ~= '' then publish(id, meta, FAILURE_TTL) end
else
  if ARGV[10] == '1' then call('HSET', record, 'stored', token) end
  finalize(id, queue, outcome, meta)
  -- What follows a job (links, the next of a chain, a chord's count) is submitted here, in this
  -- script, under ids derived from this job's.
end

local from = ARGV[11]
if from == '' then
  ring_if_few(queue)
  return remember(holder, seq, 'ok')
end
return remember(holder, seq, 'ok', claim(from, ARGV[12], holder))
