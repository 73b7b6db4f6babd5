#!lua flags=allow-oom
-- Stops a queue or a task from giving jobs to anybody, or lets it go on. What runs goes on.
-- KEYS: none.
-- ARGV: 'queue' or 'task', its name, 1 to pause, 0 to resume.
-- Returns 1 where that changed something, else 0.
local kind, name, pausing = ARGV[1], ARGV[2], ARGV[3] == '1'
if kind == 'queue' then
  if pausing then return call('HSET', queue_key(name), 'paused', 1) end
  local changed = call('HDEL', queue_key(name), 'paused')
  ring_if_few(name)
  return changed
end
local changed = call(pausing and 'SADD' or 'SREM', P .. 'paused', name)
for _, queue in ipairs(call('SMEMBERS', P .. 'queues')) do
  if pausing then
    park(queue, name, 'paused')
  else
    unpark(queue, name, 'paused')
  end
end
return changed
