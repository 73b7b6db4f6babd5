"""What must hold of all keys together, whatever was called before."""

from collections import Counter

from jobs.ledger import Counts, Ledger, State
from jobs.ledger.tally import EVENTS, TIMES
from tests.integration.ledger_job import AGEING_US, Job
from tests.integration.ledger_model import Model
from tests.integration.ledger_view import View


def check(view: View, model: Model, ledger: Ledger, queues: tuple[str, ...]) -> None:
    """Fail where the ledger's keys are not what the model says."""
    assert dict(view.orders()) == model.orders()
    assert view.without_a_reason_to_stay() == []
    unfinished = [job.id for job in model.jobs.values() if not job.state.is_final]
    kept = {f"tb:{kind}:{job_id}" for kind in ("job", "attempts") for job_id in unfinished}
    assert {key: ttl for key, ttl in view.ttls.items() if key in kept and ttl != -1} == {}
    for queue in queues:
        counts = ledger.counts(queue)
        assert counts.gap == 0
        assert counts.waiting == len(model.waiting(queue))
        _check_order(view, model, queue)
        check_seen(ledger, queue, counts, model.measured[queue])
        parked = {node: reason for (where, node), reason in model.parked.items() if where == queue}
        assert view.values.get(f"tb:parked:{queue}", {}) == parked
    for job in model.jobs.values():
        record = view.record(job.id)
        for name, value in job.recorded().items():
            assert record.get(name, "0") == str(value), (job.id, name)
    running = [job for job in model.jobs.values() if job.state is State.STARTED]
    nodes = {node for job in running for node in (job.task, job.node)}
    assert view.members("slots") == {node: ids for node in nodes if (ids := model.running(node))}
    waiting = view.members("waiters")
    assert waiting.keys() <= view.members("slots").keys()  # whoever frees a slot ends their wait
    assert all(queues <= waiting[node] for node, queues in waiters(model).items())
    assert view.members("unique").keys() == model.uniques.keys()
    expiring = {
        job.id for job in model.jobs.values() if job.expires and not (job.token or job.state.is_final)
    }
    assert {job_id for job_id, _ in view.values.get("tb:expiring", [])} == expiring
    assert view.values.get("tb:cancels", {}) == {job.id: str(job.token) for job in running if job.cancelled}


def check_seen(ledger: Ledger, queue: str, counts: Counts, measured: int) -> None:
    """What was counted of a queue, task by task, is what its orders and its own counters say."""
    [watched] = ledger.watch.queues([queue])
    number = sum((Counter(seen.counted) for seen in watched.seen), Counter())
    timed = Counter({name: sum(seen.timed[name].count for seen in watched.seen) for name in TIMES})
    assert (number["submitted"], number["redriven"]) == (counts.accepted, counts.redriven)
    finished = {state: number[f"finished:{state}"] for state in ("SUCCESS", "FAILURE", "REVOKED")}
    assert tuple(finished.values()) == (counts.success, counts.failure, counts.revoked)
    assert number["objective:met"] + number["objective:missed"] == measured
    ended = sum(number[event] for event in EVENTS if event.startswith("ended:"))
    assert timed["wait"] - ended == counts.started
    assert timed["run"] == ended - number["ended:LOST"] - number["ended:PENDING"]
    assert timed["total"] == sum(finished.values())
    assert watched.counts == counts
    assert sum(watched.ready.values()) == counts.waiting


def waiters(model: Model) -> dict[str, set[str]]:
    """By node that runs as many jobs as it may: the queues in which it is parked for that."""
    found: dict[str, set[str]] = {}
    for (queue, node), reason in model.parked.items():
        if reason == "running":
            found.setdefault(node, set()).add(queue)
    return found


def _check_order(view: View, model: Model, queue: str) -> None:
    waiting = model.waiting(queue)
    stamps = {job.id: job.place + job.priority * AGEING_US for job in waiting}
    assert view.scores("waiting", queue) == stamps
    counted = {task: str(number) for task, number in Counter(job.task for job in waiting).items()}
    assert view.values.get(f"tb:tasks:{queue}", {}) == counted
    heads = model.heads(queue)
    assert view.scores("plain", queue) == {job.task: job.place for job in heads if not job.key}
    tasks = {job.task for job in waiting if job.key}
    for task in {*tasks, *view.scores("fair", queue)}:
        keyed = [job for job in waiting if job.task == task and job.key]
        free = {job.key for job in keyed if (queue, job.node) not in model.parked}
        places = view.scores("keys", f"{queue}\n{task}")
        assert places.keys() == free
        stands = bool(free) and (queue, task) not in model.parked
        assert view.scores("fair", queue).get(task) == (min(places.values()) if stands else None)
        for job in heads:
            if job.task == task and job.key:
                assert _earliest(job, keyed) <= places[job.key] <= _latest(job, keyed, model)


def _earliest(head: Job, keyed: list[Job]) -> int:
    return min(job.place for job in keyed if job.key == head.key)


def _latest(head: Job, keyed: list[Job], model: Model) -> int:
    """A lane's stored place is put right when its turn comes: until then it may be too early, never late."""
    turn = model.turns.get((head.queue, head.key), 0)
    return max(head.place, turn - head.priority * AGEING_US)
