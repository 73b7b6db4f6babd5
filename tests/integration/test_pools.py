"""The load of the pools of workers: what an autoscaler sizes them by."""

import json
from datetime import timedelta

import pytest

from jobs.ledger import Load
from jobs.limits import Limit, Limits
from tests.client import Client
from tests.integration.a_job import a_job
from tests.integration.hand import a_hand
from tests.servers import running_api, running_valkey
from tests.workers import Platform

QUEUES = '{"narrow": {"max_running": 2}}'
POOLS = {"both": {"queues": ["celery", "narrow"]}, "reports": {"queues": ["reports"]}}
AHEAD = timedelta(seconds=30)
ONE_EACH = Limits(each_key=Limit(max_running=1))


@pytest.fixture(scope="module")
def token_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("pools") / "token"
    file.write_text("first\n")
    return file


@pytest.fixture(scope="module")
def server():
    with running_valkey() as valkey:
        yield valkey


@pytest.fixture(scope="module")
def url(server, token_file):
    env = {"JOBS_QUEUES": QUEUES, "JOBS_POOLS": json.dumps(POOLS), "JOBS_POOLS_TOKEN_FILE": str(token_file)}
    with running_api(server.url, **env) as api:
        yield api


@pytest.fixture
def platform(server):
    platform = Platform(server.url, QUEUES=QUEUES)
    platform.ledger._redis.flushall()
    yield platform
    platform.close()


@pytest.fixture
def hand(platform):
    with a_hand(platform.settings, "process", limited={"limited": ONE_EACH}) as hand:
        yield hand


@pytest.fixture
def submit(platform):
    def submit(count=1, **more):
        for _ in range(count):
            platform.ledger.submit(a_job(**more))

    return submit


@pytest.fixture
def load(platform):
    return lambda queue="celery": platform.ledger.loads([queue], AHEAD)[0]


def ask(url, path, token="first"):
    return Client(url).get(path, Authorization=f"Bearer {token}")


def test_a_queue_that_never_had_a_job_has_no_load(load):
    assert load() == Load(ready=0, running=0, due_soon=0, held=0)


def test_what_is_ready_runs_or_is_due_soon_wants_a_slot(load, hand, submit):
    submit(3)
    submit(delay=timedelta(seconds=10))
    submit(delay=timedelta(minutes=10))
    hand.claim()
    assert load() == Load(ready=2, running=1, due_soon=1, held=0)


def test_a_retry_that_is_due_soon_wants_a_slot(load, hand, submit):
    submit(2)
    hand.retry(hand.claim(), timedelta(seconds=10))
    hand.retry(hand.claim(), timedelta(minutes=10))
    assert load() == Load(ready=0, running=0, due_soon=1, held=0)


def test_a_paused_queue_wants_slots_for_what_runs_alone(load, hand, submit, platform):
    submit(3)
    submit(delay=timedelta(seconds=10))
    hand.claim()
    platform.ledger.pause(queue="celery")
    assert load() == Load(ready=0, running=1, due_soon=0, held=2)


def test_a_queue_wants_no_more_slots_than_jobs_may_run(load, hand, submit):
    submit(5, queue="narrow")
    submit(delay=timedelta(seconds=10), queue="narrow")
    assert load("narrow") == Load(ready=2, running=0, due_soon=0, held=3)
    hand.claim("narrow")
    assert load("narrow") == Load(ready=1, running=1, due_soon=0, held=3)


def test_jobs_of_a_paused_task_want_no_slot(load, submit, platform):
    submit(3, task="other", key="a")
    submit(2, task="other")
    submit(4)
    platform.ledger.pause(task="other")
    assert load() == Load(ready=4, running=0, due_soon=0, held=5)


def test_jobs_behind_a_limit_of_their_key_want_no_slot(load, submit, platform, hand):
    submit(5, task="limited", key="a")
    submit(3, task="limited", key="b")
    assert load() == Load(ready=8, running=0, due_soon=0, held=0)
    with (
        a_hand(platform.settings, name="other", limited={"limited": ONE_EACH}) as other,
        a_hand(platform.settings, name="third", limited={"limited": ONE_EACH}) as third,
    ):
        hand.claim()
        other.claim()
        assert third.finds_nothing()  # it comes upon both lanes, which parks them
        assert load() == Load(ready=0, running=2, due_soon=0, held=6)


def test_a_job_that_is_freed_wants_a_slot_again(load, submit, platform):
    submit(3)
    platform.ledger.pause(task="process")
    assert load().ready == 0
    platform.ledger.resume(task="process")
    assert load() == Load(ready=3, running=0, due_soon=0, held=0)


def test_among_very_many_lanes_that_wait_the_load_is_estimated(load, submit, platform, hand):
    redis = platform.ledger._redis
    for number in range(1500):
        submit(task="limited", key=f"k{number}")
        submit(task="limited", key=f"k{number}")
    submit(100)
    pipe = redis.pipeline(transaction=False)
    for number in range(1500):  # as a claim would park each of them
        pipe.hset("tb:parked:celery", f"limited\nk{number}", "running")
        pipe.zrem("tb:keys:celery\nlimited", f"k{number}")
    pipe.zrem("tb:fair:celery", "limited")
    pipe.execute()
    found = load()
    assert (found.ready, found.held) == (100, 3000)


def test_of_many_lanes_that_may_start_and_many_that_may_not_no_lane_that_may_is_missed(
    submit, platform, load
):
    """Where neither side can be counted: one lane that waits has most of the jobs."""
    redis, lanes = platform.ledger._redis, 1100
    for number in range(lanes):
        submit(task="limited", key=f"open-{number}")
        submit(task="limited", key=f"parked-{number}")
    submit(3000, task="limited", key="parked-0")
    pipe = redis.pipeline(transaction=False)
    for number in range(lanes):
        pipe.hset("tb:parked:celery", f"limited\nparked-{number}", "running")
        pipe.zrem("tb:keys:celery\nlimited", f"parked-{number}")
    pipe.execute()
    for _ in range(20):
        found = load()
        assert found.ready >= lanes
        assert found.ready + found.held == 2 * lanes + 3000


def test_a_pool_has_the_load_of_all_its_queues(url, hand, submit):
    submit(3)
    submit(queue="narrow")
    hand.claim()
    submit(queue="reports", delay=timedelta(seconds=5))
    both = {"pool": "both", "queues": ["celery", "narrow"], "load": 4, "ready": 3, "running": 1,
            "due_soon": 0, "held": 0}  # fmt: skip
    reports = {"pool": "reports", "queues": ["reports"], "load": 1, "ready": 0, "running": 0, "due_soon": 1,
               "held": 0}  # fmt: skip
    assert ask(url, "/api/pools/both/").json() == both
    assert ask(url, "/api/pools/").json() == {"pools": [both, reports]}


def test_a_pool_that_is_not_there_is_not_found(url, platform):
    ask(url, "/api/pools/nobody/").problem(404, "pool-not-found")


@pytest.mark.parametrize("path", ["/api/pools/", "/api/pools/both/", "/api/pools/nobody/"])
def test_who_shows_no_token_learns_nothing(url, path):
    for token in ("", "second", "firs", "firsts"):
        refused = ask(url, path, token)
        refused.problem(401, "unauthorized")
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    Client(url).get(path).problem(401, "unauthorized")


def test_a_new_token_in_the_file_is_asked_for_at_once(url, token_file, platform):
    token_file.write_text("second\n")
    try:
        ask(url, "/api/pools/", "first").problem(401, "unauthorized")
        assert ask(url, "/api/pools/", "second").status == 200
    finally:
        token_file.write_text("first\n")


def test_without_settings_there_is_one_pool_and_no_token_is_asked_for():
    with running_valkey() as valkey, running_api(valkey.url) as api:
        told = Client(api).get("/api/pools/").json()["pools"]
        assert [(each["pool"], each["queues"]) for each in told] == [("default", ["celery"])]
        valkey.kill()
        Client(api).get("/api/pools/default/").problem(503, "ledger-unavailable")
