"""What real workers tell of themselves."""

import os
import signal
import socket
import statistics
import subprocess
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from jobs.chaos.processes import free_port
from jobs.metrics import families
from tests.client import Client
from tests.integration.prometheus_checks import check
from tests.integration.test_metrics import PROCESS_PAGE, names, of, read
from tests.servers import APP, environment, running_valkey
from tests.workers import CELERY, POOLS, PROBES, Platform, eventually, running_worker, started, witness

STUCK_CALLERS = 20


@pytest.fixture(scope="module")
def server():
    with running_valkey() as valkey:
        yield valkey


@pytest.fixture
def platform(server):
    platform = Platform(server.url)
    platform.ledger._redis.flushall()
    yield platform
    platform.close()


@contextmanager
def watched(url, *more, **env):
    """A worker, and what gives its page as it is now."""
    port = free_port()
    with running_worker(url, *more, JOBS_WORKER_METRICS_PORT=str(port), **env) as worker:
        yield worker, lambda: read(f"http://127.0.0.1:{port}", PROCESS_PAGE)


def ended(page, cause):
    return of(page, "worker_processes_ended_total", cause=cause)


@pytest.mark.parametrize("pool", POOLS)
def test_a_busy_slot_is_told_and_a_free_one_too(server, platform, tmp_path, pool):
    with watched(server.url, pool, 1 if pool == "solo" else 2) as (_, page):
        at_rest = page()
        job = witness(platform, tmp_path / "said", wait_for=tmp_path / "go")
        started(tmp_path / "said")
        busy = page()
        (tmp_path / "go").touch()
        platform.value(job)
        eventually(lambda: of(page(), "worker_busy_slots") == 0)
    assert of(at_rest, "worker_slots") == (1 if pool == "solo" else 2)
    assert of(at_rest, "worker_processes") == (2 if pool == "prefork" else 0)
    assert (of(at_rest, "worker_busy_slots"), of(busy, "worker_busy_slots")) == (0, 1)
    assert of(busy, "worker_bells_total") >= 1
    assert of(busy, "worker_stopping") == 0
    assert of(busy, "worker_memory_bytes", of="main") > 10_000_000
    assert (of(busy, "worker_memory_bytes", of="pool") > 10_000_000) == (pool == "prefork")


def test_the_page_can_be_read_from_the_first_moment(server):
    port, over = free_port(), threading.Event()
    statuses: Counter[int] = Counter()

    def ask_on_and_on():
        while not over.wait(0.01):
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            with suppress(OSError):  # nobody listens yet
                connection.request("GET", PROCESS_PAGE)
                statuses[connection.getresponse().status] += 1
            connection.close()

    asking = threading.Thread(target=ask_on_and_on)
    asking.start()
    try:
        with running_worker(server.url, JOBS_WORKER_METRICS_PORT=str(port)):
            before = statuses[200]
            eventually(lambda: statuses[200] > before)
    finally:
        over.set()
        asking.join()
    assert set(statuses) == {200}


def test_the_page_has_every_metric_that_is_documented_and_no_other(server, platform):
    with watched(server.url) as (_, page):
        eventually(lambda: of(page(), "worker_renewals_total", outcome="renewed"))
        found = names(page())
    assert found == {name for each in families.OF_WORKER for name in each.series}


def test_a_killed_process_and_the_one_in_its_place_are_told(server, platform, tmp_path):
    with watched(server.url) as (_, page):
        job = witness(platform, tmp_path / "said", wait_for=tmp_path / "go")
        os.kill(started(tmp_path / "said")[0], signal.SIGKILL)
        started(tmp_path / "said", 2)
        eventually(lambda: of(page(), "worker_processes_started_total") == 3)
        (tmp_path / "go").touch()
        platform.value(job)
        after = page()
    assert ended(after, "SIGKILL") == sum(
        value for (name, _), value in after.items() if name == "taskbell_worker_processes_ended_total"
    )
    assert (ended(after, "SIGKILL"), of(after, "worker_processes")) == (1, 2)


def test_a_process_that_dies_without_a_job_is_told_too(server, platform):
    with watched(server.url) as (worker, page):
        children = subprocess.run(
            ["pgrep", "-P", str(worker.process.pid)], capture_output=True, text=True, check=True
        )
        os.kill(int(children.stdout.split()[-1]), signal.SIGSEGV)
        eventually(lambda: ended(page(), "SIGSEGV") == 1)
        eventually(lambda: of(page(), "worker_processes") == 2)


def test_limits_that_strike_are_told(server, platform):
    with watched(server.url) as (_, page):
        for task in ("overrun", "overrun_softly"):
            platform.result(platform.submit(task, '{"seconds":30}'))
        eventually(lambda: ended(page(), "forced") == 1)
        after = page()
    assert of(after, "worker_attempts_forced_total", by="hard_limit") == 1
    assert of(after, "worker_attempts_forced_total", by="soft_limit") == 1
    assert ended(after, "SIGKILL") == 0


def test_a_process_that_had_its_share_of_jobs_is_recycled(server, platform):
    with watched(server.url, "prefork", 1, "celery", ("--max-tasks-per-child=1",)) as (_, page):
        for number in range(2):
            platform.value(platform.submit("echo", f'{{"value":{number}}}'))
        eventually(lambda: ended(page(), "recycled") == 2)
        eventually(lambda: of(page(), "worker_processes_started_total") == 3)


def test_an_attempt_that_is_another_s_by_now_is_told(server, platform, tmp_path):
    with watched(server.url) as (_, page):
        job = witness(platform, tmp_path / "said", wait_for=tmp_path / "go")
        started(tmp_path / "said")
        [holder] = platform.ledger._redis.zrange("tb:leases", 0, -1)
        platform.ledger.release("taken", [holder.decode() if isinstance(holder, bytes) else holder])
        (tmp_path / "go").touch()
        platform.value(job)
        eventually(lambda: of(page(), "worker_attempts_fenced_total") == 1)


def test_messages_of_plain_clients_are_told(server, platform):
    with watched(server.url) as (_, page):
        assert platform.celery.send_task("echo", (1,)).get(timeout=20) == 1
        platform.celery.send_task("echo", (1,), link=platform.celery.signature("echo"))
        eventually(lambda: of(page(), "worker_messages_total", outcome="refused") == 1)
        assert of(page(), "worker_messages_total", outcome="adopted") == 1


def test_a_redis_that_is_away_is_told_by_those_who_miss_it(platform):
    with running_valkey() as valkey, watched(valkey.url, JOBS_RENEW_EVERY_SECONDS="0.5") as (_, page):
        eventually(lambda: of(page(), "worker_renewals_total", outcome="renewed") > 1)
        assert of(page(), "worker_renewal_age_seconds") < 2 > of(page(), "worker_renewal_seconds") > 0
        valkey.kill()
        eventually(lambda: of(page(), "worker_renewals_total", outcome="failed") > 1)
        eventually(lambda: of(page(), "worker_renewal_age_seconds") > 2)
        valkey.start()
        eventually(lambda: of(page(), "worker_renewal_age_seconds") < 2)
        eventually(lambda: of(page(), "worker_disconnects_total") >= 1)


def test_a_worker_that_stops_says_so_until_the_end(server, platform, tmp_path):
    with watched(server.url) as (worker, page):
        job = witness(platform, tmp_path / "said", wait_for=tmp_path / "go")
        started(tmp_path / "said")
        worker.process.send_signal(signal.SIGTERM)
        eventually(lambda: of(page(), "worker_stopping") == 1)
        (tmp_path / "go").touch()
        assert worker.process.wait(20) == 0
        assert platform.value(job)


def test_whoever_asks_and_says_no_more_hurts_nobody(server, platform):
    """Not the worker, its forks or who asks well."""
    with ExitStack() as open_, watched(server.url, "prefork", 1, "celery", ("--max-tasks-per-child=1",)) as (
        worker, page,
    ):  # fmt: skip
        address = ("127.0.0.1", int(_port_of(worker)))
        callers = [open_.enter_context(socket.create_connection(address, 20)) for _ in range(STUCK_CALLERS)]
        for number, caller in enumerate(callers):
            caller.sendall(b"GET /metrics HTTP/1.1\r\n"[: number + 1])
        for number in range(5):
            platform.value(platform.submit("echo", f'{{"value":{number}}}'))
            assert of(page(), "worker_slots") == 1
        assert callers[-1].recv(1) == b""  # it is sent away in the end


def _port_of(worker):
    environ = Path(f"/proc/{worker.process.pid}/environ").read_text().split("\0")
    return dict(each.split("=", 1) for each in environ if each)["JOBS_WORKER_METRICS_PORT"]


def test_who_has_no_token_reads_nothing(server, platform, tmp_path):
    (tmp_path / "token").write_text("first\n")
    with watched(server.url, JOBS_METRICS_TOKEN_FILE=str(tmp_path / "token")) as (worker, _):
        client = Client(f"http://127.0.0.1:{_port_of(worker)}")
        assert client.get(PROCESS_PAGE).status == 401
        assert client.get(PROCESS_PAGE, Authorization="Bearer other").status == 401
        assert client.get(PROCESS_PAGE, Authorization="Bearer first").status == 200
        (tmp_path / "token").unlink()
        assert client.get(PROCESS_PAGE, Authorization="Bearer first").status == 500


def test_prometheus_s_own_checks_find_nothing(server, platform):
    with watched(server.url) as (worker, _):
        check(Client(f"http://127.0.0.1:{_port_of(worker)}").get(PROCESS_PAGE).body)


def test_both_forms_are_spoken_and_there_is_nothing_else(server, platform):
    with watched(server.url) as (worker, _):
        client = Client(f"http://127.0.0.1:{_port_of(worker)}")
        typed = client.get(PROCESS_PAGE, Accept="application/openmetrics-text;version=1.0.0")
        assert list(openmetrics(typed.body.decode()))
        assert client.get("/").status == 404
        assert client.post(PROCESS_PAGE, b"{}").status == 501


def test_a_port_that_is_taken_stops_the_start_with_one_line(server):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [CELERY, "-A", "djangoNinja", "worker", "-c", "1"], capture_output=True, text=True, timeout=60,
            check=False, cwd=APP,
            env=environment(server.url) | PROBES
            | {"JOBS_WORKER_METRICS_PORT": port, "JOBS_WORKER_METRICS_ADDRESS": "127.0.0.1"},
        )  # fmt: skip
    told = f"taskbell: JOBS_WORKER_METRICS_PORT: port {port} cannot be opened: address already in use"
    assert (done.returncode, done.stderr.strip().splitlines()[-1]) == (1, told)


def test_a_worker_whose_redis_hangs_tells_so_at_once(server, platform):
    with watched(server.url) as (_, page):
        eventually(lambda: of(page(), "worker_renewals_total", outcome="renewed"))
        server.pause()
        try:
            eventually(lambda: of(page(), "worker_renewals_total", outcome="failed"))
            times = []
            for _ in range(10):
                began = time.monotonic()
                assert of(page(), "worker_renewal_age_seconds") > 0
                times.append(time.monotonic() - began)
        finally:
            server.resume()
    assert statistics.median(times) < 0.5  # a call to the ledger waits for longer
