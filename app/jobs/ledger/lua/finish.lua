#!lua flags=allow-oom
-- Ends an attempt and, when asked, claims the next job for the same holder.
-- KEYS: none.
-- ARGV: holder, seq, id, token, outcome, meta (JSON without its end, '' to publish nothing),
--       delay (us, RETRY and PENDING), due (us since the epoch, '' for none, RETRY), arguments (RETRY, '' for the
--       same), stored (1: the result is stored under this token, in a database; ledger: here),
--       queue to claim from ('' for no claim), key of the tasks that the holder's worker knows, the worker's
--       name, counts (1: a hand-back that counts as an attempt; '': it does not), error (JSON for the
--       history, '' for none), cause (for the history, '' for none).
-- Outcome: SUCCESS, FAILURE, REVOKED, RETRY, or PENDING (handed back).
-- Returns as claim.lua does; {'refused'} when the token is not the job's latest or it does not run:
-- then nothing is recorded and nothing claimed. {'gone'} when the holder was released.
local holder, seq, id, token, outcome, meta = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local before, held, held_token = replay(holder, seq)
if before then return before end
has_only(id, token, held, held_token)

local record, job = job_key(id), read(id)
if job.state ~= 'STARTED' or job.token ~= token then return remember(holder, seq, 'refused') end
local stored, cause = ARGV[10], ARGV[16]
if stored == 'ledger' and call('HEXISTS', stored_key(id, token), 'size') == 0 then
  outcome, stored, cause = 'PENDING', '', 'Redis came back without its result' -- then it is made again
end
if outcome == 'PENDING' and tonumber(ARGV[7]) > 0 and cause ~= '' then
  -- Again and again for the same cause: it stands in the history once.
  local last = call('LINDEX', attempts_key(id), -1)
  if last and string.find(last, cjson.encode(cause), 1, true) then call('RPOP', attempts_key(id)) end
end
leave_started(job, outcome, cause and cause ~= '' and cause or nil, ARGV[15])

if job.cancel and (outcome == 'PENDING' or outcome == 'RETRY') then
  finalize(job, 'REVOKED', revoked(job.cancel))
elseif outcome == 'PENDING' then
  if ARGV[14] ~= '1' then call('HINCRBY', record, 'attempt', -1) end
  if tonumber(ARGV[7]) > 0 then
    local due = NOW + tonumber(ARGV[7])
    call('HSET', record, 'state', 'PENDING', 'due', integer(due))
    schedule(job.queue, id, due)
  else
    ready(job)
  end
elseif outcome == 'RETRY' then
  local due = ARGV[8] ~= '' and tonumber(ARGV[8]) or NOW + tonumber(ARGV[7])
  call('HINCRBY', record, 'retries', 1)
  if ARGV[9] ~= '' then call('HSET', record, 'args', ARGV[9]) end
  if due > NOW then
    call('HSET', record, 'state', 'RETRY', 'due', integer(due))
    call('ZADD', order_key('retry', job.queue), due, id)
  else
    ready(job)
  end
  if meta ~= '' then publish(id, meta, FAILURE_TTL) end
else
  if stored ~= '' then
    call('HSET', record, 'stored', token)
    job.stored = token
  end
  finalize(job, outcome, meta)
  -- What follows a job (links, the next of a chain, a chord's count) is submitted here, in this
  -- script, under ids derived from this job's.
end

local from = ARGV[11]
local next_id, next_job
if from ~= '' then next_id, next_job = claim(from, ARGV[12], ARGV[13]) end
-- A place in its queue is free, or it is there again; a claim from that queue rang already.
if from ~= job.queue or not next_id then ring_if_few(job.queue) end
return remember(holder, seq, 'ok', next_id, next_job)
