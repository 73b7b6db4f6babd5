#!lua flags=allow-oom
-- Keeps the set of tasks that workers of one release know, for another day.
-- KEYS: none.
-- ARGV: key of the set, name...
-- Returns 1.
call('SADD', ARGV[1], unpack(ARGV, 2))
call('EXPIRE', ARGV[1], 86400)
return 1
