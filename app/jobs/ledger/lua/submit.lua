#!lua
-- Accepts a job, once: a second submit of the same id changes nothing.
-- KEYS: none (names are made from the id and the queue).
-- ARGV: id, queue, task, arguments (JSON), priority, key ('' for none), delay (us from now),
--       due (us since the epoch, '' for none), expires (us since the epoch, '' for never),
--       options (JSON, '' for none).
-- Returns 1 when the job is new, 0 when the id was known.
-- Refused by Redis itself at maxmemory: the one script of the ledger that is.
local id, queue, task, key = ARGV[1], ARGV[2], ARGV[3], ARGV[6]
local priority = tonumber(ARGV[5])
local record = job_key(id)
if call('EXISTS', record) == 1 then return 0 end

local stamp = next_stamp(queue)
local fields = {'v', RECORD_VERSION, 'task', task, 'queue', queue, 'state', 'PENDING',
  'args', ARGV[4], 'created', integer(stamp)}
local function with(name, value)
  if value ~= '' then fields[#fields + 1] = name; fields[#fields + 1] = value end
end
local due = ARGV[8] ~= '' and tonumber(ARGV[8]) or NOW + tonumber(ARGV[7])
with('key', key)
with('prio', priority ~= 0 and ARGV[5] or '')
with('expires', ARGV[9])
with('opts', ARGV[10])
with('due', due > NOW and integer(due) or '')
call('HSET', record, unpack(fields))
call('HINCRBY', queue_key(queue), 'accepted', 1)
call('SADD', P .. 'queues', queue)

if due > NOW then
  call('ZADD', order_key('scheduled', queue), due, id)
else
  make_ready(queue, lane_of(task, key), id, stamp, priority)
  ring_if_few(queue)
end
return 1
