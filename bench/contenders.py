"""The workers that are measured: how a queue is filled, how far it is, whether its results are right."""

import json
import os
import uuid
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import batched
from typing import Protocol

from processes import Server

from jobs.conf import Settings
from jobs.ledger import Ledger, Submission

QUEUE = "celery"


class Contender(Protocol):
    """One kind of worker."""

    name: str
    app: str
    """What follows `celery -A`."""

    def fill(self, server: Server, texts: Sequence[str]) -> Iterator[str]:
        """Submit a `process` job for each text; gives their ids as they are accepted."""

    def done(self, server: Server, jobs: int) -> int:
        """How many of these jobs have ended."""

    def faults(self, server: Server, jobs: dict[str, str]) -> list[str]:
        """What is wrong with these jobs, texts by id, now that all have ended."""


class Stock:
    """Stock Celery, its defaults."""

    name, app = "stock Celery", "stock"

    def fill(self, server: Server, texts: Sequence[str]) -> Iterator[str]:
        os.environ["REDIS_URL"] = server.url
        from stock import app  # reads the address when it is loaded

        with app.producer_or_acquire() as producer:
            for text in texts:
                job_id = str(uuid.uuid4())
                # As `delay` does, but for its subscription to a result that nobody here waits for.
                message = app.amqp.as_task_v2(job_id, "process", kwargs={"data": text})
                app.amqp.send_task_message(producer, "process", message)
                yield job_id

    def done(self, server: Server, jobs: int) -> int:
        return jobs - int(server.redis.llen(QUEUE)) - int(server.redis.hlen("unacked"))

    def faults(self, server: Server, jobs: dict[str, str]) -> list[str]:
        return _wrong_results(server, jobs)


class Taskbell:
    """The platform's worker: validation, records, fencing and result keys are on, as always."""

    def __init__(self, name: str, app: str) -> None:
        self.name, self.app = name, app

    def fill(self, server: Server, texts: Sequence[str]) -> Iterator[str]:
        for text in texts:
            job_id, arguments = str(uuid.uuid4()), json.dumps({"data": text}, separators=(",", ":"))
            options = self.options()
            _ledger(server.url).submit(
                Submission(id=job_id, task="process", queue=QUEUE, arguments=arguments, options=options)
            )
            yield job_id

    def options(self) -> str:
        """What its submit tells the worker of the next job, as JSON."""
        return ""

    def done(self, server: Server, jobs: int) -> int:
        return _ledger(server.url).counts(QUEUE).success

    def faults(self, server: Server, jobs: dict[str, str]) -> list[str]:
        counts = _ledger(server.url).counts(QUEUE)
        sound = counts.gap == 0 and counts.accepted == counts.success == len(jobs)
        return ([] if sound else [str(counts)]) + _wrong_records(server, jobs) + _wrong_results(server, jobs)


CONTENDERS: dict[str, Contender] = {
    "stock": Stock(),
    "taskbell": Taskbell("taskbell", "djangoNinja"),
    "tracer": Taskbell("taskbell, Celery's tracer", "celery_tracer"),
}


@cache
def _ledger(url: str) -> Ledger:
    return Ledger(Settings(REDIS_URL=url))


def _wrong_results(server: Server, jobs: dict[str, str]) -> list[str]:
    found = []
    for some in batched(jobs, 1000, strict=False):
        metas = server.redis.mget([f"celery-task-meta-{job_id}" for job_id in some])
        for job_id, meta in zip(some, metas, strict=True):
            told = json.loads(meta) if meta else {}
            right = {"processed_data": jobs[job_id].upper()}
            if told.get("status") != "SUCCESS" or told["result"] != right or told["task_id"] != job_id:
                found.append(f"{job_id}: result {told}")
    return found


def _wrong_records(server: Server, jobs: dict[str, str]) -> list[str]:
    found = []
    for some in batched(jobs, 1000, strict=False):
        pipe = server.redis.pipeline(transaction=False)
        for job_id in some:
            pipe.hmget(f"tb:job:{job_id}", "state", "attempt")
        for job_id, record in zip(some, pipe.execute(), strict=True):
            if record != [b"SUCCESS", b"1"]:
                found.append(f"{job_id}: state and attempt {record}")
    return found
