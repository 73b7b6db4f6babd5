"""A worker in the test's own hand: it claims jobs and ends them as the test asks."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from jobs.conf import Settings
from jobs.ledger import Claimed, Ending, Holder, KnownTasks, Ledger, State
from jobs.limits import Limits
from tests.integration.a_job import DONE

NAME = "hand@test"


class Hand:
    """One holder of a worker that lives from its first `renew` on."""

    def __init__(self, settings: Settings, tasks: Mapping[str, Limits], name: str) -> None:
        self.name = name
        self.ledger = Ledger(settings)
        self._known = KnownTasks(tasks, settings)
        self._holder = Holder(name, settings, self._known, NAME)

    def renew(self) -> None:
        """Say that the worker lives, and what it knows."""
        facts = json.dumps({"hostname": NAME, "pid": 1, "known": self._known.key})
        self.ledger.renew(self.name, facts, self._known.key, [self.name])

    def claim(self, queue: str = "celery") -> Claimed:
        job = self._holder.claim(queue)
        assert job is not None
        return job

    def finds_nothing(self, queue: str = "celery") -> bool:
        return self._holder.claim(queue) is None

    def succeed(self, job: Claimed, *, stored: bool = False) -> None:
        assert self._holder.finish(job, replace(DONE, stored=stored)).recorded

    def fail(self, job: Claimed, error: str = "ValueError", message: str = "no") -> None:
        told = {"exc_type": error, "exc_message": [message], "exc_module": "builtins"}
        meta = f'{{"status":"FAILURE","result":{json.dumps(told)},"traceback":null,"children":[]'
        note = json.dumps({"error": error, "message": message, "traceback": "…"})
        assert self._holder.finish(job, Ending(outcome=State.FAILURE, meta=meta, error=note)).recorded

    def retry(self, job: Claimed, delay: timedelta = timedelta(0)) -> None:
        note = json.dumps({"error": "OSError", "message": "not yet", "traceback": "…"})
        assert self._holder.finish(job, Ending(outcome=State.RETRY, delay=delay, error=note)).recorded

    def hand_back(self, job: Claimed) -> None:
        assert self._holder.finish(job, Ending(outcome=State.PENDING)).recorded

    def close(self) -> None:
        self.ledger.release("", [self.name])
        self._holder.close()
        self.ledger._redis.connection_pool.disconnect()


@contextmanager
def a_hand(
    settings: Settings, *tasks: str, name: str = "hand", limited: Mapping[str, Limits] = {}
) -> Iterator[Hand]:
    """A worker that knows these tasks."""
    hand = Hand(settings, dict.fromkeys(tasks or ("process",), Limits()) | dict(limited), name)
    try:
        yield hand
    finally:
        hand.close()
