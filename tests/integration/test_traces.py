"""Traces of real processes: an API and workers that send their spans to a real OTLP receiver."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.client import Client
from tests.collector import CALLER, TRACEPARENT, of_job, running_collector, submit
from tests.servers import APP, environment, running_gunicorn, running_valkey
from tests.workers import PROBES, eventually, running_worker

pytestmark = pytest.mark.timeout(240)
OWN = "?queue=own"
"""A queue that the worker of all these tests does not serve."""
DIES = Path(__file__).with_name("commits_and_dies.py")


@pytest.fixture(scope="module")
def valkey_url():
    with running_valkey() as valkey:
        yield valkey.url


@pytest.fixture(scope="module")
def collector():
    with running_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def gunicorn(valkey_url, collector):
    with running_gunicorn(valkey_url, **PROBES, **collector.env) as gunicorn:
        yield gunicorn


@pytest.fixture(scope="module")
def client(gunicorn):
    return reached(gunicorn)


def work(valkey_url, env, pool="prefork"):
    return running_worker(valkey_url, pool=pool, queues="own", **env)


def reached(gunicorn):
    return Client(f"http://127.0.0.1:{gunicorn.wait_ready()[1]}")


@pytest.fixture(scope="module")
def worker(valkey_url, collector):
    with running_worker(valkey_url, **collector.env) as worker:
        yield worker


def test_a_delayed_attempt_links_to_its_submit_and_tells_its_wait_from_when_it_was_due(
    client, worker, collector, platform
):
    job = submit(client, "traced_child", query="?delay=0.2")
    trace = platform.value(job)
    [submitted] = collector.named("submit traced_child", **{"messaging.message.id": job})
    [ran] = collector.named("run traced_child", **{"messaging.message.id": job})
    assert submitted.told["taskbell.delayed"] is True
    assert (ran.trace, ran.parent, ran.links) == (trace, "", (submitted.place,))


def test_an_attempt_tells_of_the_one_before_it_whose_process_was_killed(client, worker, collector, platform):
    job = submit(client, "traced_death")
    assert platform.value(job) == 2
    [ran] = collector.named("run traced_death")
    assert ran.told["taskbell.attempt"] == 2
    assert len(ran.links) == 1
    lost = ran.events["attempt.lost"]
    assert lost["taskbell.attempt"] == 1
    assert "SIGKILL" in lost["taskbell.cause"]


def test_a_coroutine_is_in_its_own_attempt_s_span(client, worker, collector, platform):
    jobs = [submit(client, "traced_later") for _ in range(4)]
    spans = [platform.value(job) for job in jobs]
    for job, span in zip(jobs, spans, strict=True):
        [ran] = collector.named("run traced_later", **{"messaging.message.id": job})
        assert ran.id == span


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_workers_without_processes_send_spans_to_their_end(client, valkey_url, collector, platform, pool):
    slow = collector.env | {"OTEL_BSP_SCHEDULE_DELAY": "60000"}
    with work(valkey_url, slow, pool) as worker:
        job = submit(client, "traced_child", query=OWN)
        platform.value(job)
        worker.stop()
    [ran] = of_job(collector.spans, job)[-1:]
    assert ran.kind == "consumer"


def test_a_stopped_process_s_last_spans_are_sent(valkey_url, platform):
    """Though it would send them a minute later."""
    with running_collector() as collector:
        slow = collector.env | {"OTEL_BSP_SCHEDULE_DELAY": "60000"}
        with running_gunicorn(valkey_url, **PROBES, **slow) as api, work(valkey_url, slow) as worker:
            platform.value(submit(reached(api), "traced_child", query=OWN))
            assert not collector.spans
            worker.stop()
        kinds = {"server", "producer", "consumer"}
        assert {span.kind for span in collector.spans} == kinds


def test_a_job_that_is_not_sampled_has_none_of_its_spans(client, worker, collector, platform, tmp_path):
    not_sampled = TRACEPARENT.removesuffix("01") + "00"
    job = submit(client, "traced_twice", {"stop": str(tmp_path / "x")}, traceparent=not_sampled)
    child = platform.value(job)
    platform.value(child)
    sampled = submit(client, "traced_child")
    platform.value(sampled)
    collector.named("run traced_child", **{"messaging.message.id": sampled})
    assert of_job(collector.spans, job) == of_job(collector.spans, child) == []


def test_probes_and_metrics_are_not_traced(client, collector):
    for path in ("/livez", "/readyz", "/metrics", "/metrics/ledger"):
        client.get(path)
    client.get("/api/queues/")
    collector.named("GET /api/queues/")
    paths = {span.told.get("url.path", "/api/") for span in collector.spans}
    assert all(path.startswith("/api/") for path in paths)


def test_without_an_address_nothing_is_kept_of_a_caller_s_trace(valkey_url, platform):
    with running_gunicorn(valkey_url, **PROBES) as gunicorn:
        client = reached(gunicorn)
        job = submit(client, "traced_child", query="?delay=60", traceparent=TRACEPARENT)
    assert set(json.loads(platform.ledger.record(job).fields["opts"])) == {"request_id"}


def test_a_plain_client_s_trace_goes_on(worker, collector, platform):
    """As OpenTelemetry's instrumentation of Celery tells it, in the message's headers."""
    sent = platform.celery.send_task("traced_child", headers={"traceparent": TRACEPARENT})
    assert sent.get(timeout=10) == CALLER[0]
    [ran] = collector.named("run traced_child", **{"messaging.message.id": sent.id})
    assert (ran.trace, ran.parent) == CALLER


# A collector that is of no use


@pytest.mark.parametrize("answers", [False, True], ids=["away", "hanging"])
def test_a_collector_that_is_away_or_hangs_holds_up_nothing(valkey_url, platform, answers):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and says nothing
        address = f"http://127.0.0.1:{silent.getsockname()[1] if answers else 1}"
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        with running_gunicorn(valkey_url, **PROBES, **env) as api, work(valkey_url, env) as worker:
            client = reached(api)
            began = time.monotonic()
            for _ in range(20):
                platform.value(submit(client, "traced_child", query=OWN))
            assert time.monotonic() - began < 60  # the SDK gives each batch ten seconds
            began = time.monotonic()
            assert worker.stop() == 0
            assert time.monotonic() - began < 25  # and its own end half a minute
            began = time.monotonic()
            api.end()
            assert time.monotonic() - began < 25


# Jobs that follow a transaction

COMMITS = """
import djangoNinja
from django.db import transaction
from jobs.worker.bind import bind_declared

bind_declared(djangoNinja.app)
with transaction.atomic():
    print(djangoNinja.app.tasks["traced_child"].delay_on_commit().id)
"""


@pytest.fixture
def env(valkey_url, collector, tmp_path):
    """Of a process that has the database that a worker has, too."""
    database = f"sqlite:///{tmp_path}/db.sqlite3"
    found = environment(valkey_url, DATABASE_URL=database, **PROBES, **collector.env)
    found["PYTHONPATH"] = f"{APP}:{PROBES['PYTHONPATH']}"
    run(found, "manage.py", "migrate", "-v0")
    return found


def run(env, *command, code=0):
    done = subprocess.run(
        [sys.executable, *command], cwd=APP, env=env, check=False, timeout=60, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    return done.stdout.strip()


def test_a_job_that_follows_a_transaction_has_one_submit_at_its_call(worker, collector, platform, env):
    job = run(env, "-c", COMMITS)
    platform.value(job)
    [ran] = collector.named("run traced_child", **{"messaging.message.id": job})
    [submitted] = [span for span in of_job(collector.spans, job) if span.kind == "producer"]
    # Where it took longer than ten seconds, it is a link.
    assert submitted.place in {(ran.trace, ran.parent), *ran.links}


def test_a_relay_s_job_carries_the_span_of_its_call(valkey_url, worker, collector, platform, env):
    run(env, str(DIES), "of the traced", code=-signal.SIGKILL)
    with work(valkey_url, {"DATABASE_URL": env["DATABASE_URL"]}):
        eventually(lambda: platform.ledger.record("of the traced"), 20, "a relay")
        platform.value("of the traced")
        [ran] = collector.named("run echo", **{"messaging.message.id": "of the traced"})
    told = json.loads(platform.ledger.record("of the traced").fields["opts"])["traceparent"]
    version, trace, span, flags = told.split("-")
    assert (version, int(flags, 16) & 1) == ("00", 1)  # sampled; the SDK may say too that the id is random
    assert (trace, span) in {(ran.trace, ran.parent), *ran.links}
