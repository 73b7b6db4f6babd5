#!lua flags=allow-oom
-- Keeps the tasks that workers of one release know, with their limits, for another day.
-- KEYS: none.
-- ARGV: key of the tasks, then of each its name and its limits (as claiming.lua reads them, '' for none).
-- Returns 1. Where they are there they stay: a limit of theirs may have been changed (limit.lua).
if call('EXISTS', ARGV[1]) == 0 then call('HSET', ARGV[1], unpack(ARGV, 2)) end
call('EXPIRE', ARGV[1], 86400)
return 1
