#!lua flags=allow-oom
-- Gives a task other limits with all workers that know the same tasks. What its old rate stopped goes on.
-- KEYS: none.
-- ARGV: key of the tasks that they know, the task, its limits (as claiming.lua reads them, '' for none).
-- Returns 1, or 0 where the ledger has not these tasks.
local known, task = ARGV[1], ARGV[2]
if call('EXISTS', known) == 0 then return 0 end
call('HSET', known, task, ARGV[3])
call('DEL', P .. 'rate:' .. task)
for _, queue in ipairs(call('SMEMBERS', P .. 'queues')) do
  unpark(queue, task, 'rate')
  ring_if_few(queue)
end
return 1
