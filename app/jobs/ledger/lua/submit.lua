#!lua
-- Accepts a job, once: a second submit of the same id changes nothing.
-- KEYS: none (names are made from the id and the queue).
-- ARGV: id, queue, task, arguments (JSON, or packed), priority, key ('' for none), delay (us from now),
--       due (us since the epoch, '' for none), expires (us since the epoch, with '+' from now, '' for never),
--       options (JSON, '' for none), then, or nothing: retention ('ms of success,ms of failure', '' for
--       the settings'), unique (task and digest of what must be unique, '' for none), unique while (1: only
--       while it waits, '': until it ended), on conflict (1: refuse, '': give the first), idempotency key ('' for
--       none), digest of what was submitted under it, objective (us from when it can start, '' for none).
-- Returns {code, id}: 'new'; 'known' (this id, or the job that this key or uniqueness means); or {code}
-- where nothing was stored: 'once' (the key stands for another submit), 'unique' and the id in the way,
-- 'long' (the queue is at its length), 'full' (Redis is close to its maxmemory).
-- Refused by Redis itself at maxmemory: the one script of the ledger that is.
local id, queue, task, key = ARGV[1], ARGV[2], ARGV[3], ARGV[6]
local priority = tonumber(ARGV[5])
local record = job_key(id)
local ttls, unique, unique_waiting = ARGV[11] or '', ARGV[12] or '', ARGV[13] or ''
local once, digest, objective = ARGV[15] or '', ARGV[16] or '', ARGV[17] or ''
local expires = ARGV[9]
if string.sub(expires, 1, 1) == '+' then expires = integer(NOW + tonumber(string.sub(expires, 2))) end

local function repeated(known)
  count(queue, task, AT_REPEATED)
  return {'known', known}
end
local function refused(code, by)
  count(queue, task, AT_REFUSED[code])
  return {code, by}
end
if call('EXISTS', record) == 1 then return repeated(id) end

if once ~= '' then
  local first = call('HMGET', P .. 'once:' .. once, 'id', 'digest')
  if first[1] then return first[2] == digest and repeated(first[1]) or refused('once', first[1]) end
end
if unique ~= '' then
  local first = call('GET', P .. 'unique:' .. unique)
  -- Else its record was deleted by hand.
  if first and call('EXISTS', job_key(first)) == 1 then
    return ARGV[14] == '1' and refused('unique', first) or repeated(first)
  end
end
local most = QUEUE_MAX_LENGTH[queue]
if most and call('ZCARD', order_key('waiting', queue)) + call('ZCARD', order_key('retry', queue))
  + delayed(queue) >= most then return refused('long') end
if call('HEXISTS', P .. 'tick', 'full') == 1 then return refused('full') end

local stamp = next_stamp(queue)
local fields = {'v', string.sub(ARGV[4], 1, 1) == 'z' and '2' or '1', 'task', task, 'queue', queue, 'state', 'PENDING',
  'args', ARGV[4], 'created', integer(stamp)}
local function with(name, value)
  if value ~= '' then fields[#fields + 1] = name; fields[#fields + 1] = value end
end
local due = ARGV[8] ~= '' and tonumber(ARGV[8]) or NOW + tonumber(ARGV[7])
with('key', key)
with('prio', priority ~= 0 and ARGV[5] or '')
with('expires', expires)
with('opts', ARGV[10])
with('due', due > NOW and integer(due) or '')
with('ttls', ttls)
with('unique', unique)
with('uwait', unique_waiting)
with('by', objective ~= '' and integer(math.max(due, NOW) + tonumber(objective)) or '')
with('also', expires .. ttls .. unique .. objective ~= '' and '1' or '')
call('HSET', record, unpack(fields))
-- A tick looks once a second: much can come in meanwhile.
if call('HINCRBY', queue_key(queue), 'accepted', 1) % 256 == 0 then guard_memory() end
if call('SADD', P .. 'queues', queue) == 1 then
  call('HSET', queue_key(queue), 'nth', call('SCARD', P .. 'queues'))
  for _, paused in ipairs(call('SMEMBERS', P .. 'paused')) do park(queue, paused, 'paused') end
end
count(queue, task, AT_SUBMITTED)
if once ~= '' then
  call('HSET', P .. 'once:' .. once, 'id', id, 'digest', digest)
  call('PEXPIRE', P .. 'once:' .. once, ONCE_TTL)
end
if unique ~= '' then call('SET', P .. 'unique:' .. unique, id) end
if expires ~= '' then call('ZADD', P .. 'expiring', expires, id) end

if due > NOW then
  schedule(queue, id, due)
else
  make_ready(queue, task, key, id, stamp, priority)
  ring_if_few(queue)
end
return {'new', id}
