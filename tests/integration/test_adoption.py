"""Messages of plain Celery clients: each becomes one job, with what its task says of all its jobs."""

import json
import signal
import uuid
from contextlib import closing
from typing import Any

import pytest
import redis

from jobs.errors import NotUnique
from tests.redises import valkey as valkey_with_data
from tests.workers import Platform, eventually, running_worker, started, witness

SHORT = '{"%s": {"max_running": 1, "max_length": 2}}'
"""A worker that has a process free is one that takes messages."""


@pytest.fixture(scope="module")
def worker(valkey_url):
    with running_worker(valkey_url, queues="celery,short", JOBS_QUEUES=SHORT % "short") as running:
        yield running


@pytest.fixture
def files(tmp_path):
    """The file that says that the job began, and the one that lets it end."""
    return tmp_path / "began", tmp_path / "go"


@pytest.mark.usefixtures("worker")
def test_a_message_s_job_has_its_task_s_key_expiry_and_retention(platform, tmp_path):
    sent = platform.celery.send_task("by_customer", kwargs={"customer": "ann"})
    assert sent.get(timeout=10) == "ann"
    assert platform.ledger.record(sent.id).fields["key"] == "ann"
    late = platform.celery.send_task("soon_stale", (str(tmp_path / "spans"),), countdown=60)
    eventually(lambda: platform.ledger.record(late.id))
    assert platform.result(late.id, timeout=10)["status"] == "REVOKED"
    brief = platform.celery.send_task("soon_forgotten")
    eventually(lambda: platform.ledger.was_there(brief.id), 10, "the job to be forgotten")


@pytest.mark.usefixtures("worker")
def test_what_a_message_says_itself_wins_over_its_task(platform, tmp_path):
    args = (str(tmp_path / "spans"),)
    assert platform.celery.send_task("soon_stale", args, countdown=2, expires=60).get(timeout=10) == "x"


@pytest.mark.usefixtures("worker")
def test_a_message_that_was_revoked_before_it_came_never_runs(platform, tmp_path):
    ids = [str(uuid.uuid4()) for _ in range(20)]
    platform.celery.control.revoke(ids)
    # The broadcast comes by another way than messages do.
    eventually(lambda: platform.celery.control.inspect(timeout=1).revoked(), 10)
    for each in ids:
        platform.celery.send_task("witness", (str(tmp_path / "w"),), task_id=each)
    eventually(lambda: all(platform.ledger.record(each) for each in ids), what="their messages to be adopted")
    assert {platform.result(each, timeout=20)["status"] for each in ids} == {"REVOKED"}
    assert not (tmp_path / "w").exists()


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("name", ["only_one_runs", "only_one_an_order"])
def test_a_second_message_for_a_unique_job_is_refused_to_its_sender(platform, files, name):
    """Also where a submit in Python would get the first job: its sender asks for the id that it sent."""
    began, go = files
    args = (str(began), str(go)) if name == "only_one_runs" else (1, str(began), str(go))
    first = platform.celery.send_task(name, args)
    eventually(began.exists)
    with pytest.raises(NotUnique, match=first.id):
        platform.celery.send_task(name, args).get(timeout=10)
    go.touch()
    assert first.get(timeout=10) == "done"


def test_messages_for_a_full_queue_wait_in_turn_and_hold_up_no_other(platform, worker, files):
    file, go = files
    running = witness(platform, file, wait_for=go, queue="short")
    started(file)
    full = [platform.submit("echo", f'{{"value": {number}}}', queue="short") for number in range(2)]
    waiting = [platform.celery.send_task("echo", (number,), queue="short") for number in range(20)]
    eventually(lambda: "message.waits" in worker.log)
    other = platform.celery.send_task("echo", ("other",), queue="celery")
    eventually(lambda: platform.ledger.record(other.id), what="another queue's message to be adopted")
    assert not any(platform.ledger.record(each.id) for each in waiting)
    go.touch()
    assert [platform.value(job) for job in (running, *full)] == [1, 0, 1]
    assert other.get(timeout=10) == "other"
    assert [each.get(timeout=30) for each in waiting] == list(range(20))
    began = [platform.ledger.record(each.id).number("started") for each in waiting]
    assert began == sorted(began)


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_message_that_a_worker_could_not_adopt_is_there_for_the_next(platform, valkey_url, files, pool):
    file, go = files
    queue = f"next-{pool}"
    limits: dict[str, Any] = {"JOBS_QUEUES": SHORT % queue, "JOBS_SHUTDOWN_SECONDS": "1"}
    with running_worker(valkey_url, pool, queues=queue, **limits) as worker:
        running = witness(platform, file, wait_for=go, queue=queue)
        started(file)
        full = [platform.submit("echo", '{"value": 1}', queue=queue) for _ in range(2)]
        sent = [platform.celery.send_task("echo", (number,), queue=queue) for number in range(5)]
        eventually(lambda: "message.waits" in worker.log)
        worker.process.send_signal(signal.SIGTERM)
        worker.process.wait(timeout=30)
    assert not any(platform.ledger.record(each.id) for each in sent)
    go.touch()
    with running_worker(valkey_url, pool, queues=queue, **limits):
        assert [platform.value(job) for job in (running, *full)] == [1, 1, 1]
        assert [each.get(timeout=20) for each in sent] == list(range(5))


def test_messages_that_wait_outlive_a_restart_of_redis_and_then_of_their_worker(files):
    """As Redis dies, kombu can give back nothing, and forgets them."""
    file, go = files
    limits: dict[str, Any] = {"JOBS_QUEUES": SHORT % "short", "JOBS_SHUTDOWN_SECONDS": "1"}
    with valkey_with_data() as server, closing(Platform(server.url)) as platform:
        with running_worker(server.url, queues="short", **limits) as worker:
            running = witness(platform, file, wait_for=go, queue="short")
            started(file)
            full = [platform.submit("echo", '{"value": 1}', queue="short") for _ in range(2)]
            sent = [platform.celery.send_task("echo", (number,), queue="short").id for number in range(3)]
            eventually(lambda: "message.waits" in worker.log)
            said = worker.log.count("Connected to")
            server.raw.save()
            server.kill()
            eventually(lambda: "Connection to broker lost" in worker.log)
            server.start()
            eventually(lambda: worker.log.count("Connected to") > said)
            worker.process.send_signal(signal.SIGTERM)
            worker.process.wait(timeout=30)
            assert "message.lost" not in worker.log
        go.touch()
        with running_worker(server.url, queues="short", **limits):
            eventually(lambda: all(map(platform.ledger.record, sent)), what="the messages to be adopted")
            assert [platform.value(job) for job in (running, *full, *sent)] == [1, 1, 1, 0, 1, 2]


ODD: dict[str, Any] = {
    "id": [{"a": 1}, True, "\ud800", "line\nbreak", "x" * 256], "task": ["\ud800"],
    "eta": ["0001-01-01T00:00:00+14:00"],
}  # fmt: skip


@pytest.mark.parametrize("header", ODD)
def test_a_message_that_no_job_can_come_of_is_dropped_and_holds_up_no_other(
    platform, worker, valkey_url, header
):
    good = platform.celery.amqp.as_task_v2(str(uuid.uuid4()), "echo", (1,))
    with redis.Redis.from_url(valkey_url) as raw:
        for value in ODD[header]:
            raw.lpush("celery", as_kombu_frames(good.body, {**good.headers, header: value}))
    assert platform.celery.send_task("echo", (1,)).get(timeout=10) == 1
    assert worker.process.poll() is None


NO_NAME = "no job could have this id, or no task this name"
SECRET = "an argument that no log may show"
MALFORMED: dict[str, Any] = {
    "an id with a control character": ({"id": "line\nbreak"}, {}, NO_NAME),
    "an eta that is none": ({"eta": SECRET}, {}, "its eta is no instant"),
    "an expiry that is none": ({"expires": SECRET}, {}, "its expires is no instant"),
    "a limit that is none": ({"timelimit": 7}, {}, "not a message for a task: TypeError"),
    "a task that is no name": ({"task": [SECRET]}, {}, NO_NAME),
    "no task": ({"task": None, "argsrepr": SECRET}, {}, NO_NAME),
    "a type that is not read": (
        {}, {"content-type": "application/x-python-serialize"},
        "not a message for a task: ContentDisallowed"),
    "a body that cannot be read": ({}, {"body": SECRET}, "not a message for a task: DecodeError"),
    "protocol 1 that cannot be read": (None, {"body": SECRET}, "its body cannot be read"),
    "protocol 1 without a task": (None, {"body": json.dumps({"args": [SECRET]})}, "it names no task"),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
def test_a_message_that_is_dropped_is_one_line_without_its_values(platform, worker, valkey_url, case):
    changed, frames, reason = MALFORMED[case]
    good = platform.celery.amqp.as_task_v2(str(uuid.uuid4()), "echo", (SECRET,))
    headers = {} if changed is None else good.headers | changed
    said = len(worker.log)
    with redis.Redis.from_url(valkey_url) as raw:
        raw.lpush("celery", as_kombu_frames(good.body, headers, frames))
    eventually(lambda: "message.malformed" in worker.log[said:])
    assert platform.celery.send_task("echo", (1,)).get(timeout=10) == 1
    task, job = (headers.get(name) for name in ("task", "id"))
    task, job = (task if isinstance(task, str) else None, None if "\n" in (job or "\n") else job)
    [line] = [each for each in worker.log[said:].splitlines() if "message." in each]
    assert line.endswith(f"message.malformed task={task} job={job} reason={reason}")
    assert SECRET not in worker.log[said:]
    assert "Traceback" not in worker.log[said:]


def as_kombu_frames(body: Any, headers: dict[str, Any], more: dict[str, Any] | None = None) -> str:
    return json.dumps({
        "body": json.dumps(body), "content-encoding": "utf-8", "content-type": "application/json",
        "headers": headers, "properties": {
            "correlation_id": "x", "delivery_mode": 2, "delivery_tag": str(uuid.uuid4()), "priority": 0,
            "delivery_info": {"exchange": "", "routing_key": "celery"},
        },
    } | (more or {}))  # fmt: skip
