#!lua flags=no-writes
-- How many jobs of a queue are in each place, counted from the orders themselves.
-- KEYS: none.
-- ARGV: queue.
-- Returns {accepted, redriven, waiting, scheduled, started, retry, success, failure, revoked, bells}; the
-- first two and the three ends are counters that only rise.
local queue = ARGV[1]
local counters = call('HMGET', queue_key(queue), 'accepted', 'redriven', 'success', 'failure', 'revoked')
local function counter(i) return tonumber(counters[i] or 0) end
local function size(order) return call('ZCARD', order_key(order, queue)) end
return {counter(1), counter(2), size('waiting'), delayed(queue), size('started'), size('retry'),
  counter(3), counter(4), counter(5), bells(queue)}
