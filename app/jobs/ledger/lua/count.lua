#!lua flags=no-writes
-- How many jobs of a queue are in each place, counted from the orders themselves.
-- KEYS: none.
-- ARGV: queue.
-- Returns {accepted, waiting, scheduled, started, retry, success, failure, revoked, bells}; the last
-- three states are counters that only rise.
local queue = ARGV[1]
local waiting = 0
for _, lane in ipairs(call('ZRANGE', lanes_key(queue), 0, -1)) do
  waiting = waiting + call('ZCARD', lane_key(queue, lane))
end
local counters = call('HMGET', queue_key(queue), 'accepted', 'success', 'failure', 'revoked')
local function counter(i) return tonumber(counters[i] or 0) end
return {counter(1), waiting, call('ZCARD', order_key('scheduled', queue)),
  call('ZCARD', order_key('started', queue)), call('ZCARD', order_key('retry', queue)),
  counter(2), counter(3), counter(4), bells(queue)}
