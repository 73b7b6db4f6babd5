#!lua flags=allow-oom
-- What a running attempt says of itself: progress, a line of its log, or a state of its own for Celery's
-- clients.
-- KEYS: none.
-- ARGV: id, token, progress (JSON, '' for none), meta (JSON without its end, '' for none), line of the
--       log (a JSON object with one field or more, '' for none), lines that are kept.
-- Returns 1, or 0 when the token is not the job's latest or it does not run: nothing is written.
local id = ARGV[1]
local job = call('HMGET', job_key(id), 'state', 'token')
if job[1] ~= 'STARTED' or job[2] ~= ARGV[2] then return 0 end
if ARGV[3] ~= '' then call('HSET', job_key(id), 'progress', ARGV[3]) end
if ARGV[4] ~= '' then publish(id, ARGV[4], FAILURE_TTL) end
if ARGV[5] ~= '' then
  call('HSET', job_key(id), 'also', 1, 'lists', 1)
  call('RPUSH', log_key(id), '{"at_us":' .. integer(NOW) .. ',' .. string.sub(ARGV[5], 2))
  call('LTRIM', log_key(id), -ARGV[6], -1)
end
return 1
