#!lua flags=allow-oom
-- Gives a holder the queue's next job. Asked again with the same number, it answers the same.
-- KEYS: none.
-- ARGV: holder, seq, queue, key of the tasks that the holder's worker knows, the worker's name.
-- Returns {'ok'} or {'ok', id, token, task, arguments, attempt, retries, queue, priority, created,
-- options, since when it was ready ('' for its creation), started}; {'gone'} when the holder was released;
-- {'unknown'} when the set of tasks is not there.
local holder, seq, queue, known = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local before, held, held_token = replay(holder, seq)
if before then return before end
if call('EXISTS', known) == 0 then return {'unknown'} end
has_only(nil, nil, held, held_token)
local answered = remember(holder, seq, 'ok', claim(queue, known, ARGV[5]))
if not call('ZSCORE', P .. 'leases', holder) then
  call('ZADD', P .. 'leases', NOW + LEASE, holder)
  call('PERSIST', holder_key(holder)) -- it ends with its lease
end
return answered
