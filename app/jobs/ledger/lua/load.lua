#!lua flags=no-writes
-- How much work queues have for workers, for whoever sizes them.
-- KEYS: none.
-- ARGV: how far to look ahead (us), queue...
-- Returns for each queue {ready, running, due soon, held}: jobs that may start now, that run, that come due
-- within that time, and that are ready and may not start, because of a pause or a limit. No number of
-- workers would start those.
local AHEAD = tonumber(ARGV[1])
local SAMPLE = 1000 -- lanes that are looked at; where more may start and more may not, it is an estimate

-- The jobs of the lanes that may start, and how many lanes they are; no jobs where there are too many to count.
local function open_jobs(queue)
  local lanes, jobs = call('ZCARD', order_key('plain', queue)), nil
  local tasks = call('ZRANGE', order_key('fair', queue), 0, SAMPLE)
  for _, task in ipairs(tasks) do lanes = lanes + call('ZCARD', keys_key(queue, task)) end
  if lanes > SAMPLE then return lanes end -- each of these tasks has a lane at least
  jobs = 0
  for _, task in ipairs(call('ZRANGE', order_key('plain', queue), 0, -1)) do
    jobs = jobs + call('ZCARD', lane_key(queue, task, ''))
  end
  for _, task in ipairs(tasks) do
    for _, key in ipairs(call('ZRANGE', keys_key(queue, task), 0, -1)) do
      jobs = jobs + call('ZCARD', lane_key(queue, task, key))
    end
  end
  return lanes, jobs
end

-- Ready jobs behind a pause or a limit of their task, or of their task and key.
local function parked_jobs(queue)
  local parked, tasks = order_key('parked', queue), order_key('tasks', queue)
  local there = call('HLEN', parked)
  if there == 0 then return 0 end
  local whole, stopped = 0, {}
  local counts = call('HGETALL', tasks)
  for i = 1, #counts, 2 do
    if is_parked(queue, counts[i]) then
      stopped[counts[i]] = true
      whole = whole + tonumber(counts[i + 1])
    end
  end
  local nodes = there > SAMPLE and call('HRANDFIELD', parked, SAMPLE) or call('HKEYS', parked)
  local some = 0
  for _, node in ipairs(nodes) do
    local task, key = task_and_key(node)
    if key ~= '' and not stopped[task] then some = some + call('ZCARD', lane_key(queue, task, key)) end
  end
  return whole + math.ceil(some * there / #nodes)
end

local function load(queue)
  local running, waiting = call('ZCARD', order_key('started', queue)), call('ZCARD', order_key('waiting', queue))
  local function due_in(key) return call('ZCOUNT', key, '-inf', NOW + AHEAD) end
  local soon = due_in(order_key('scheduled', queue)) + due_in(order_key('retry', queue))
  for _, shelf in ipairs(call('ZRANGEBYSCORE', order_key('shelves', queue), '-inf', NOW + AHEAD)) do
    soon = soon + due_in(shelf_key(queue, shelf))
  end
  if call('HEXISTS', queue_key(queue), 'paused') == 1 then return {0, running, 0, waiting} end
  local room = QUEUE_MAX_RUNNING[queue] and math.max(0, QUEUE_MAX_RUNNING[queue] - running) or math.huge
  local ready = 0
  local lanes, jobs = open_jobs(queue)
  if lanes > 0 then ready = math.min(room, jobs or math.max(lanes, waiting - parked_jobs(queue))) end
  return {ready, running, math.min(room - ready, soon), waiting - ready}
end

local loads = {}
for i = 2, #ARGV do loads[i - 1] = load(ARGV[i]) end
return loads
