"""Results too large for a status, over HTTP, wherever they are stored."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.ledger import Submission
from tests.client import HELLO, PROCESS, Client
from tests.integration.conftest import EVERY_DATABASE
from tests.integration.hand import a_hand
from tests.servers import APP, environment, running_api, running_valkey

FINISH = Path(__file__).with_name("finish_with_stored.py")


@dataclass(frozen=True, kw_only=True)
class StoredJob:
    """A job that ended with a large result, and where that can be read."""

    client: Client
    task_id: str
    body: bytes

    @property
    def url(self) -> str:
        return f"/api/jobs/{self.task_id}/result/"


@contextmanager
def ended_with_a_large_result(directory: Path, database_url: str) -> Iterator[StoredJob]:
    """What a worker does with a large result, done by a process that is no worker."""
    env = {"DATABASE_URL": database_url, "WEB_CONCURRENCY": "1"}
    body = json.dumps({f"word {n}": n for n in range(100_000)}).encode()
    (directory / "body").write_bytes(body)
    with running_valkey() as valkey, running_api(valkey.url, **env) as url:
        task_id = Client(url).post(PROCESS, HELLO).json()["task_id"]
        worker = environment(
            valkey.url, PYTHONPATH=str(APP), DJANGO_SETTINGS_MODULE="project.settings", **env
        )
        ending = [sys.executable, str(FINISH), str(directory / "body")]
        subprocess.run(ending, cwd=APP, env=worker, check=True, timeout=30)
        yield StoredJob(client=Client(url), task_id=task_id, body=body)


@pytest.fixture(scope="module", params=["sqlite", "postgres", "none"])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoredJob]:
    directory = tmp_path_factory.mktemp("stored")
    database_url = "none"
    if request.param == "sqlite":
        database_url = f"sqlite:///{directory}/db.sqlite3"
    elif request.param == "postgres":
        server = request.getfixturevalue("postgres")
        database_url = server.url(server.new_database())
    with ended_with_a_large_result(directory, database_url) as job:
        yield job


def test_a_large_result_is_told_by_reference_and_read_as_it_was_stored(stored):
    status = stored.client.get(f"/api/tasks/status/{stored.task_id}/").json()
    assert status["status"] == "SUCCESS"
    assert status["result"] == {
        "stored": True, "size_bytes": len(stored.body), "content_type": "application/json", "url": stored.url,
    }  # fmt: skip
    answer = stored.client.get(stored.url)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Content-Length"] == str(len(stored.body))
    assert answer.body == stored.body


def test_a_large_result_is_sent_once_to_who_keeps_it(stored):
    etag = stored.client.get(stored.url).headers["ETag"]
    again = stored.client.send("GET", stored.url, headers={"If-None-Match": etag})
    assert (again.status, again.body) == (304, b"")


def test_head_of_a_large_result_tells_its_size(stored):
    answer = stored.client.send("HEAD", stored.url)
    assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, str(len(stored.body)), b"")


def test_an_unforeseen_error_tells_no_internals(tmp_path):
    database = tmp_path / "db.sqlite3"
    with ended_with_a_large_result(tmp_path, f"sqlite:///{database}") as job:
        database.rename(database.with_suffix(".away"))
        database.mkdir()
        problem = job.client.get(job.url).problem(500, "internal-error")
    assert "database" not in json.dumps(problem)


@EVERY_DATABASE
@pytest.mark.usefixtures("at_home")
def test_what_nothing_points_to_is_swept_after_the_longest_retention_that_a_task_asks_for():
    """The probe `long_kept` asks for thirty days; the settings say a week at the most."""
    from jobs import results
    from jobs.models import StoredResult
    from jobs.sweeper import Sweeper

    for number, days in enumerate((40, 20)):
        results.store(f"job-{number}", 1, b"x")
        at = datetime.now(UTC) - timedelta(days=days)
        StoredResult.objects.filter(task_id=f"job-{number}").update(created_at=at)
    Sweeper().sweep()
    assert list(StoredResult.objects.values_list("task_id", flat=True)) == ["job-1"]


@EVERY_DATABASE
@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 3 * 256 * 1024 + 7])
def test_a_row_is_read_in_pieces_and_gone_when_it_is_discarded(size):
    from jobs import results
    from jobs.errors import ResultNotStored
    from jobs.results_in_database import PIECE_BYTES

    body = os.urandom(size)
    for each in (b"replaced", body):
        results.store("a job", 7, each)
    stored = results.read("a job", 7)
    pieces = list(stored.pieces())
    assert (stored.size_bytes, b"".join(pieces)) == (size, body)
    assert [len(piece) for piece in pieces[:-1]] == [PIECE_BYTES] * (len(pieces) - 1)
    results.discard("a job", 7)
    with pytest.raises(ResultNotStored):
        results.read("a job", 7)


@EVERY_DATABASE
@pytest.mark.usefixtures("at_home")
def test_what_a_forgotten_job_stored_is_deleted_and_not_what_its_id_stored_since(platform):
    from jobs import results
    from jobs.models import StoredResult
    from jobs.sweeper import Sweeper

    def lives(job_id):
        platform.ledger.submit(Submission(id=job_id, task="echo", queue="lives", arguments="{}"))
        job = hand.claim("lives")
        results.store(job_id, int(job.token), b"x")
        hand.succeed(job, stored=True)
        return int(job.token)

    with a_hand(platform.settings, "echo") as hand:
        lives("again")
        platform.ledger.discard(["again"])
        second = lives("again")
    assert StoredResult.objects.count() == 2
    Sweeper().delete_rubbish()
    assert list(StoredResult.objects.values_list("task_id", "token")) == [("again", second)]
    assert platform.ledger.rubbish(10) == []
