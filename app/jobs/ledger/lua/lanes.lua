-- Prefixed to the scripts that order the ready jobs of a queue.
--
-- A lane holds the ready jobs of one task and key, by place. `plain` orders the tasks of a queue by the
-- place of their lane without a key; `fair` by that of their first lane with one, which `keys` orders.
-- A node, a task or a task with a key, that a limit or a pause stops is parked: it stands in neither,
-- whatever number of jobs it has, until what stopped it frees it. `waiting` has every ready job by its stamp, `tasks`
-- their number by task.

local function lane_key(queue, task, key)
  return P .. 'lane:' .. queue .. '\n' .. task .. (key ~= '' and '\n' .. key or '')
end
local function keys_key(queue, task) return P .. 'keys:' .. queue .. '\n' .. task end
local function node_of(task, key) return key ~= '' and task .. '\n' .. key or task end
local function task_and_key(node)
  local task, key = string.match(node, '^([^\n]*)\n(.*)$')
  return task or node, key or ''
end

local function is_parked(queue, node) return call('HEXISTS', order_key('parked', queue), node) == 1 end

-- Where a job stands that comes in after its key's last turn, though it was submitted before.
local function place_after_turn(turn, id, score)
  if not turn then return score end
  local priority = tonumber(call('HGET', job_key(id), 'prio') or 0)
  return math.max(score, tonumber(turn) - priority * AGEING)
end

local function fair_place(queue, key, id, score)
  return place_after_turn(call('ZSCORE', order_key('turns', queue), key), id, tonumber(score))
end

-- Puts a task to the place of its first lane with a key, or out of the order.
local function settle_task(queue, task)
  local first = call('ZRANGE', keys_key(queue, task), 0, 0, 'WITHSCORES')
  if first[1] and not is_parked(queue, task) then
    call('ZADD', order_key('fair', queue), first[2], task)
  else
    call('ZREM', order_key('fair', queue), task)
  end
end

-- Puts a lane to the place of its first job, or out of the order.
local function settle(queue, task, key)
  local first = call('ZRANGE', lane_key(queue, task, key), 0, 0, 'WITHSCORES')
  local stands = first[1] and not is_parked(queue, node_of(task, key))
  if key == '' then
    if stands then
      call('ZADD', order_key('plain', queue), first[2], task)
    else
      call('ZREM', order_key('plain', queue), task)
    end
    return
  end
  if stands then
    call('ZADD', keys_key(queue, task), fair_place(queue, key, first[1], first[2]), key)
  else
    call('ZREM', keys_key(queue, task), key)
  end
  settle_task(queue, task)
end

-- Puts a job into its lane.
local function make_ready(queue, task, key, id, stamp, priority)
  local score = stamp - priority * AGEING
  call('ZADD', order_key('waiting', queue), stamp, id)
  call('HINCRBY', order_key('tasks', queue), task, 1)
  call('ZADD', lane_key(queue, task, key), score, id)
  if key == '' then
    if not is_parked(queue, task) then call('ZADD', order_key('plain', queue), 'LT', score, task) end
  elseif not is_parked(queue, node_of(task, key)) then
    local place = fair_place(queue, key, id, score)
    call('ZADD', keys_key(queue, task), 'LT', place, key)
    if not is_parked(queue, task) then call('ZADD', order_key('fair', queue), 'LT', place, task) end
  end
end

-- Takes a job from its lane; the lane keeps its place until it is settled. False where it is not there.
local function leave_lane(queue, task, key, id)
  if call('ZREM', order_key('waiting', queue), id) == 0 then return false end
  call('ZREM', lane_key(queue, task, key), id)
  if call('HINCRBY', order_key('tasks', queue), task, -1) == 0 then call('HDEL', order_key('tasks', queue), task) end
  return true
end

-- Takes a ready job out of its lane. False where it is not there.
local function take_out(queue, task, key, id)
  if not leave_lane(queue, task, key, id) then return false end
  settle(queue, task, key)
  return true
end

-- Stops a node in a queue: 'paused', 'running' (as many run as may), 'rate' (until an instant).
local function park(queue, node, reason, instant)
  local task, key = task_and_key(node)
  call('HSET', order_key('parked', queue), node, reason)
  if reason == 'running' then call('SADD', P .. 'waiters:' .. node, queue) end
  if reason == 'rate' then call('ZADD', P .. 'timers', instant, queue .. '\n' .. node) end
  settle(queue, task, key)
  if key == '' then settle_task(queue, task) end
end

-- Lets a node go on, unless something else than this stops it by now.
local function unpark(queue, node, reason)
  if call('HGET', order_key('parked', queue), node) ~= reason then return end
  local task, key = task_and_key(node)
  call('HDEL', order_key('parked', queue), node)
  settle(queue, task, key)
  if key == '' then settle_task(queue, task) end
  ring_if_few(queue)
end

-- A job of this node stopped running: those that waited for that go on.
local function free_slot(node, id)
  call('SREM', P .. 'slots:' .. node, id)
  local queues = call('SMEMBERS', P .. 'waiters:' .. node)
  if #queues == 0 then return end
  call('DEL', P .. 'waiters:' .. node)
  for _, queue in ipairs(queues) do unpark(queue, node, 'running') end
end
