"""What Prometheus reads, from a real API and real workers."""

import os
import signal
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from jobs.errors import IdempotencyConflict, QueueFull
from jobs.metrics import families
from jobs.metrics.ledger import MOST, OTHER
from tests.client import HELLO, PROCESS, Client
from tests.integration.a_job import a_job
from tests.integration.hand import a_hand
from tests.integration.prometheus_checks import check
from tests.servers import running_api, running_gunicorn, running_valkey
from tests.workers import Platform, eventually, running_worker, started, witness

SHARED = Path("/dev/shm" if Path("/dev/shm").is_dir() else tempfile.gettempdir())
LEDGER, PROCESS_PAGE = "/metrics/ledger", "/metrics"
type Page = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def server():
    with running_valkey() as valkey:
        yield valkey


@pytest.fixture(scope="module")
def url(server):
    with running_api(server.url) as api:
        yield api


@pytest.fixture
def platform(server):
    platform = Platform(server.url)
    platform.ledger._redis.flushall()
    yield platform
    platform.close()


def read(url: str, path: str = LEDGER) -> Page:
    """The page's samples by name and labels."""
    answer = Client(url).get(path)
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in plain(answer.body.decode())
        for sample in family.samples
    }


def of(page: Page, name: str, **labels: str) -> float:
    """The sum of a metric's series that have these labels."""
    wanted = labels.items()
    return sum(value for (told, has), value in page.items() if told == f"taskbell_{name}" and wanted <= has)


def names(page: Page) -> set[str]:
    return {name for name, _ in page}


def test_each_stage_of_a_job_is_counted_and_timed(platform, url):
    platform.ledger.submit(a_job(key="one"))
    with a_hand(platform.settings, "process") as hand:
        hand.retry(hand.claim())
        hand.hand_back(hand.claim())
        hand.fail(hand.claim())
        [dead] = [each.id for each in platform.ledger.browse.page([("celery", "failure")], limit=9).jobs]
        platform.ledger.redrive([dead])
        hand.succeed(hand.claim())
        page = read(url)
    job = {"queue": "celery", "task": "process"}
    assert of(page, "jobs_submitted_total", **job) == 1
    assert of(page, "attempts_started_total", **job) == 4
    outcomes = {each: of(page, "attempts_ended_total", **job, outcome=each) for each in
                ("RETRY", "PENDING", "FAILURE", "SUCCESS", "LOST")}  # fmt: skip
    assert outcomes == {"RETRY": 1, "PENDING": 1, "FAILURE": 1, "SUCCESS": 1, "LOST": 0}
    assert of(page, "jobs_finished_total", **job, state="FAILURE") == 1
    assert of(page, "jobs_finished_total", **job, state="SUCCESS") == 1
    assert of(page, "jobs_redriven_total", **job) == 1
    assert of(page, "attempt_wait_seconds_count", **job) == 4
    assert of(page, "attempt_run_seconds_count", **job) == 3
    assert of(page, "job_total_seconds_count", **job) == 2
    assert of(page, "job_total_seconds_bucket", **job, le="+Inf") == 2
    assert of(page, "job_total_seconds_sum", **job) >= of(page, "attempt_run_seconds_sum", **job) > 0
    assert of(page, "accounting_gap") == of(page, "jobs") == 0


def test_a_queue_is_told_as_it_is_now(platform, url):
    platform.ledger.submit(a_job())
    platform.ledger.submit(a_job(delay=timedelta(hours=1)))
    platform.ledger.pause(queue="celery")
    page = read(url)
    for state, number in {"ready": 1, "scheduled": 1, "running": 0, "retrying": 0}.items():
        assert of(page, "jobs", queue="celery", state=state) == number
    assert of(page, "ready_jobs", queue="celery", task="process") == 1
    assert of(page, "queue_paused", queue="celery") == 1
    assert of(page, "oldest_ready_age_seconds", queue="celery") > 0
    assert of(page, "pool_jobs", pool="default", kind="held") == 1
    assert of(page, "pool_objective_seconds", pool="default") == 300
    assert of(page, "pool_oldest_ready_age_seconds", pool="default") == 0  # it is paused
    platform.ledger.resume(queue="celery")
    assert of(read(url), "pool_oldest_ready_age_seconds", pool="default") > 0


def test_a_wait_begins_when_the_job_could_start(platform, url):
    """Not when a job was accepted that was delayed, nor when the attempt before began."""
    with a_hand(platform.settings, "process") as hand:
        platform.ledger.submit(a_job(delay=timedelta(seconds=1.2)))
        eventually(lambda: platform.ledger.tick(force=True) and platform.counts().waiting)
        hand.retry(hand.claim(), timedelta(seconds=1.2))
        eventually(lambda: platform.ledger.tick(force=True) and platform.counts().waiting)
        hand.succeed(hand.claim())
    page = read(url)
    assert of(page, "attempt_wait_seconds_sum") < 1
    assert of(page, "job_total_seconds_sum") > 2.4


@pytest.mark.parametrize("more", [
    {"idempotency_key": "k", "arguments": '{"data":"other"}'}, {"queue": "short"},
])  # fmt: skip
def test_a_refused_submit_is_counted_by_its_problem(server, platform, url, more):
    limited = Platform(server.url, QUEUES={"short": {"max_length": 1}})
    limited.ledger.submit(a_job(queue="short"))
    for _ in range(2):
        limited.ledger.submit(a_job(idempotency_key="k"))
    with pytest.raises((IdempotencyConflict, QueueFull)) as refusal:
        limited.ledger.submit(a_job(**more))
    limited.close()
    page = read(url)
    assert of(page, "submits_repeated_total", queue="celery") == 1
    assert of(page, "submits_refused_total", reason=refusal.value.slug) == 1
    assert of(page, "jobs_submitted_total") == 2


def test_a_killed_process_s_attempt_is_lost_and_its_job_recovered(server, platform, url, tmp_path):
    with running_worker(server.url):
        job_id = witness(platform, tmp_path / "said", wait_for=tmp_path / "go")
        [pid] = started(tmp_path / "said")
        os.kill(pid, signal.SIGKILL)
        started(tmp_path / "said", 2)
        (tmp_path / "go").touch()
        platform.value(job_id)
        page = read(url)
    assert of(page, "attempts_ended_total", outcome="LOST", task="witness") == 1
    assert of(page, "jobs_recovered_total", task="witness") == 1
    assert of(page, "attempts_started_total", task="witness") == 2
    assert of(page, "jobs_finished_total", task="witness", state="SUCCESS") == 1
    assert of(page, "workers") == 1


def test_the_page_has_every_metric_that_is_documented_and_no_other(platform, url):
    platform.ledger.submit(a_job(queue="other"))
    platform.ledger.submit(a_job())
    with a_hand(platform.settings, "process") as hand:
        hand.succeed(hand.claim())
    platform.ledger.tick(force=True)
    found = names(read(url))
    wanted = {name for each in families.OF_LEDGER for name in each.series}
    # The first is of a queue that refused something, the second of a Redis that keeps a file; the others are
    # of a task that has an objective (test_objectives.py).
    objective = {f"taskbell_{name}" for name in (
        "objective_jobs_total", "task_objective_seconds", "task_objective_ratio",
    )}  # fmt: skip
    assert wanted - found == {"taskbell_submits_refused_total", "taskbell_redis_fsync_info", *objective}
    assert found <= wanted


def test_both_forms_of_prometheus_are_spoken(platform, url):
    platform.ledger.submit(a_job())
    for path in (LEDGER, PROCESS_PAGE):
        answer = Client(url).get(path, Accept="application/openmetrics-text;version=1.0.0")
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        assert list(openmetrics(answer.body.decode()))


@pytest.mark.parametrize("path", [LEDGER, PROCESS_PAGE])
def test_prometheus_s_own_checks_find_nothing(platform, url, path):
    platform.ledger.submit(a_job())
    check(Client(url).get(path).body)


def test_while_redis_is_away_no_number_of_jobs_is_told(url):
    with running_valkey() as valkey, running_api(valkey.url) as api:
        assert of(read(api), "ledger_up") == 1
        valkey.kill()
        page = read(api)
        assert names(page) == {"taskbell_ledger_up", "taskbell_build_info"}
        assert of(page, "ledger_up") == 0
        valkey.start()
        eventually(lambda: of(read(api), "ledger_up") == 1)


def test_requests_are_counted_by_route_whichever_process_answers(platform):
    with running_valkey() as valkey, running_api(valkey.url, WEB_CONCURRENCY="3") as api:
        for _ in range(30):
            assert Client(api).post(PROCESS, HELLO).status == 202
        for path in ("/no/such/path", "/api/tasks/status/nobody", "/api/tasks/status/nobody-either/"):
            Client(api).get(path)
        pages = [read(api, PROCESS_PAGE) for _ in range(10)]
    for page in pages:
        answered = {"method": "POST", "route": PROCESS, "status": "202"}
        assert of(page, "http_requests_total", **answered) == 30
        assert of(page, "http_request_seconds_count", route=PROCESS) == 30
        assert of(page, "http_requests_total", route="(none)", status="404") == 1
        assert of(page, "http_requests_total", route="/api/tasks/status/{task_id}/", status="404") == 2
    assert not any("nobody" in value for page in pages for _, has in page for _, value in has)


def test_a_server_that_was_killed_leaves_no_directory_to_the_next(server):
    with running_gunicorn(server.url) as first:
        first.wait_ready()
        [left] = SHARED.glob(f"taskbell-metrics-{first.process.pid}-*")
        first.end(signal.SIGKILL)
        assert left.exists()
        with running_gunicorn(server.url) as second:
            second.wait_ready()
            [own] = SHARED.glob(f"taskbell-metrics-{second.process.pid}-*")
            assert not left.exists()
        assert not own.exists()


def test_who_has_no_token_reads_nothing(server, tmp_path):
    file = tmp_path / "token"
    file.write_text("first\n")
    with running_api(server.url, JOBS_METRICS_TOKEN_FILE=str(file)) as api:
        for path in (LEDGER, PROCESS_PAGE):
            Client(api).get(path).problem(401, "unauthorized")
            assert Client(api).get(path, Authorization="Bearer first").status == 200


def test_queues_past_the_most_are_added_up_and_take_no_other_s_series(platform, url):
    for number in range(MOST):
        platform.ledger.submit(a_job(queue=f"q{number:03}"))
    late = ("a", "b", "z")  # they sort before the others and behind them
    for queue in (*late, "celery"):
        platform.ledger.submit(a_job(queue=queue))
    page = read(url)
    assert of(page, "jobs_submitted_total") == MOST + 4
    assert of(page, "jobs_submitted_total", queue=OTHER) == of(page, "jobs", queue=OTHER) == 3
    assert of(page, "jobs_submitted_total", queue="celery") == 1  # a pool names it
    assert not any(of(page, "jobs_submitted_total", queue=queue) for queue in late)


def test_of_queues_that_are_added_up_none_hides_another_s_pause_or_gap(platform, url):
    for number in range(MOST + 2):
        platform.ledger.submit(a_job(queue=f"q{number:03}"))
    for number, gap in ((MOST, 1), (MOST + 1, -1)):
        platform.ledger._redis.hincrby(f"tb:queue:q{number}", "accepted", gap)
    platform.ledger.pause(queue=f"q{MOST}")
    page = read(url)
    assert of(page, "queue_paused", queue=OTHER) == 0
    assert of(page, "accounting_gap", queue=OTHER) == 2
    platform.ledger.pause(queue=f"q{MOST + 1}")
    assert of(read(url), "queue_paused", queue=OTHER) == 1


@pytest.mark.parametrize("measures", [True, False])
def test_tasks_of_a_queue_past_the_most_are_added_up(server, platform, url, measures):
    """Plain Celery clients name what they want; what the API declares has its own series."""
    sender = Platform(server.url, MEASURES=measures)
    try:
        for number in range(MOST):
            sender.ledger.submit(a_job(task=f"t{number:03}"))
        for task in ("a", "process", "z"):
            sender.ledger.submit(a_job(task=task))
    finally:
        sender.close()
    page = read(url)
    assert of(page, "ready_jobs", task="process") == 1
    assert of(page, "ready_jobs", task=OTHER) == 2
    assert of(page, "jobs_submitted_total", task=OTHER) == (2 if measures else 0)
    assert of(page, "ready_jobs", task="a") == (0 if measures else 1)  # by name then


def test_what_is_off_counts_nothing_and_the_queues_are_told_all_the_same(server, url):
    platform = Platform(server.url, MEASURES=False)
    try:
        platform.ledger._redis.flushall()
        platform.ledger.submit(a_job())
        page = read(url)
    finally:
        platform.close()
    assert "taskbell_jobs_submitted_total" not in names(page)
    assert of(page, "jobs", state="ready") == 1
