"""The history of a job: each attempt that did not succeed, with how it ended, why and where."""

import json
import os
import signal

from tests.workers import eventually, running_worker, started, witness


def told(platform, job):
    """How each attempt ended, with its number."""
    return [(entry["attempt"], entry["outcome"]) for entry in platform.ledger.attempts(job)]


def itself(platform, worker):
    """This worker among those that live, or of late did."""
    living = platform.ledger.browse.workers()
    return next((each for each in living if each.facts["pid"] == worker.process.pid), None)


def test_failed_lost_and_handed_back_attempts_are_told_with_their_cause(platform, valkey_url, tmp_path):
    with running_worker(valkey_url, concurrency=1, JOBS_SHUTDOWN_SECONDS="0.1") as worker:
        alive = eventually(lambda: itself(platform, worker))
        flaky = platform.submit("flaky", json.dumps({"file": str(tmp_path / "flaky")}))
        assert platform.value(flaky) == 3
        killed = platform.submit("die", '{"attempts": 1}')
        assert platform.value(killed) == 2
        job = witness(platform, tmp_path / "w", wait_for=tmp_path / "go")
        started(tmp_path / "w")
        os.kill(worker.process.pid, signal.SIGTERM)
        eventually(lambda: worker.process.poll() is not None)
    assert told(platform, flaky) == [(1, "RETRY"), (2, "RETRY")]
    for entry in platform.ledger.attempts(flaky):
        error = json.loads(entry["error"])
        assert "OSError" in json.dumps(error)
        assert "not yet" in json.dumps(error)
        assert entry["worker"] == alive.facts["hostname"]
        assert int(entry["started_us"]) < int(entry["ended_us"])
    assert told(platform, killed) == [(1, "LOST")]
    assert "SIGKILL" in platform.ledger.attempts(killed)[0]["cause"]
    assert told(platform, job) == [(1, "PENDING")]
    assert platform.ledger.attempts(job)[0]["cause"] == "its worker stopped"
    assert platform.attempt(job) == 0


def test_a_history_keeps_the_latest_twenty_attempts_and_goes_with_its_job(platform, valkey_url):
    with running_worker(valkey_url, queues="long"):
        job = platform.submit("asks_again", '{"times": 25}', queue="long", options='{"max_attempts": 26}')
        assert platform.value(job, timeout=60) == 25
    assert told(platform, job) == [(number, "RETRY") for number in range(6, 26)]
    assert platform.ledger.discard([job]) == ["discarded"]
    assert platform.ledger.attempts(job) == []
