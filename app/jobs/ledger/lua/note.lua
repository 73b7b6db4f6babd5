#!lua flags=allow-oom
-- What a running attempt says of itself: progress, or a state of its own for Celery's clients.
-- KEYS: none.
-- ARGV: id, token, progress (JSON, '' for none), meta (JSON without its end, '' for none).
-- Returns 1, or 0 when the token is not the job's latest or it does not run: nothing is written.
local id = ARGV[1]
local job = call('HMGET', job_key(id), 'state', 'token')
if job[1] ~= 'STARTED' or job[2] ~= ARGV[2] then return 0 end
if ARGV[3] ~= '' then call('HSET', job_key(id), 'progress', ARGV[3]) end
if ARGV[4] ~= '' then publish(id, ARGV[4], FAILURE_TTL) end
return 1
