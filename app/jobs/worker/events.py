"""Celery's events about jobs, for Flower and whoever else listens.

They are sent only while somebody asked for them (`celery worker -E`, or Flower by remote control), many in
one message: what a busy holder has to tell waits for up to half a second; of an attempt that runs longer the
main process tells. They carry no arguments and no results. An event that cannot be sent is dropped; no job
waits for one.
"""

import json
import os
import time
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from jobs.errors import JobsError
from jobs.ledger import Claimed, Ending, State, ledger
from jobs.worker.board import Board, Running, Slot

type Event = dict[str, Any]
EXCHANGE, ROUTING_KEY = "celeryev", "task.multi"
EVERY_SECONDS = 0.5
A_WHILE_SECONDS = 0.3
MOST = 1_000
"""Events in one message."""
OUTCOMES = {
    State.SUCCESS: "task-succeeded",
    State.FAILURE: "task-failed",
    State.RETRY: "task-retried",
    State.REVOKED: "task-revoked",
}


class Events:
    """What one holder has to tell of the attempts that it ended."""

    def __init__(self, board: Board, slot: Slot, hostname: str) -> None:
        self._board = board
        self._slot = slot
        self._hostname = hostname
        self._waiting: list[Event] = []
        self._sent = 0.0

    def ended(self, job: Claimed, ending: Ending, seconds: float) -> None:
        """The ledger has the outcome of an attempt that took so long."""
        kind = OUTCOMES.get(ending.outcome)
        if not self._board.watched or kind is None:
            return
        now = time.time()
        common = {"uuid": job.id, "hostname": self._hostname, "pid": os.getpid()}
        if self._slot.told != int(job.token):
            more = {"name": job.task, "retries": job.retries, "queue": job.queue}
            self._waiting += _start(now - seconds, common, **more)
        self._waiting.append({"type": kind, "timestamp": now, **_outcome(ending, seconds), **common})
        self.send(at_once=False)

    def send(self, *, at_once: bool) -> None:
        """Send what waits, where it is time to; `at_once`: whatever time it is."""
        now = time.monotonic()
        if self._waiting and (at_once or now - self._sent >= EVERY_SECONDS or len(self._waiting) >= MOST):
            events, self._waiting, self._sent = self._waiting, [], now
            _send(events, self._hostname)


class Watch:
    """In the main process: tells of attempts that run for a while; their holders are busy with them."""

    def __init__(self, board: Board, worker: Any) -> None:
        self._board = board
        self._worker = worker

    def look(self, at_work: Iterable[tuple[Slot, Running]]) -> None:
        """Tell of the attempts that nobody was told of."""
        consumer = getattr(self._worker, "consumer", None)  # it is made after the keeper
        sender = getattr(consumer, "event_dispatcher", None)
        self._board.watched = bool(
            sender and sender.enabled and (not sender.groups or "task" in sender.groups)
        )
        if not self._board.watched:
            return
        now, wall = time.monotonic(), time.time()
        events: list[Event] = []
        for slot, running in at_work:
            if now - running.started >= A_WHILE_SECONDS and slot.told != running.token:
                slot.told = running.token
                events += _start(wall - (now - running.started), self._common(running), name=running.task)
        if events:
            _send(events, self._worker.hostname)

    def ended(self, slot: Slot, running: Running, ending: Ending) -> None:
        """The ledger has the outcome of an attempt that is ended by force: its holder tells nothing of it."""
        if not self._board.watched or ending.outcome not in OUTCOMES:
            return
        now, common = time.time(), self._common(running)
        seconds = time.monotonic() - running.started
        events = [] if slot.told == running.token else _start(now - seconds, common, name=running.task)
        told = {"type": OUTCOMES[ending.outcome], "timestamp": now, **_outcome(ending, seconds)}
        _send([*events, {**told, **common}], self._worker.hostname)

    def _common(self, running: Running) -> Event:
        return {"uuid": running.job_id, "hostname": self._worker.hostname, "pid": running.pid}


def _start(at: float, common: Event, **more: Any) -> list[Event]:
    """An attempt was received, that is claimed, and started."""
    received = {"type": "task-received", "timestamp": at, **more, **common}
    return [received, {"type": "task-started", "timestamp": at, **common}]


def _outcome(ending: Ending, seconds: float) -> Event:
    match ending.outcome:
        case State.SUCCESS:
            return {"runtime": seconds}
        case State.REVOKED:
            return {"terminated": False, "signum": None, "expired": False}
    told = json.loads(ending.error) if ending.error else {}
    said = f"{told['error']}: {told['message']}" if told else ending.cause
    return {"exception": said, "traceback": told.get("traceback")}


def _send(events: Sequence[Event], hostname: str) -> None:
    """As Celery's own dispatcher sends several: one message, as kombu frames it."""
    message = json.dumps({
        "body": json.dumps(events), "content-encoding": "utf-8", "content-type": "application/json",
        "headers": {"hostname": hostname},
        "properties": {
            "delivery_mode": 1, "priority": 0, "delivery_tag": str(uuid.uuid4()),
            "delivery_info": {"exchange": EXCHANGE, "routing_key": ROUTING_KEY},
        },
    })  # fmt: skip
    with suppress(JobsError):
        ledger().announce(EXCHANGE, ROUTING_KEY, message)
