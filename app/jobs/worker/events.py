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
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

from jobs.errors import JobsError
from jobs.ledger import Claimed, Ending, State, ledger
from jobs.worker.board import Board, Running, Slot

type Event = dict[str, Any]
EXCHANGE, ROUTING_KEY = "celeryev", "task.multi"
EVERY_SECONDS = 0.5
A_WHILE_SECONDS = 0.3
MOST = 400
"""Attempts that one message tells of."""
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
        self._waiting: list[str] = []
        self._sent = 0.0

    def ended(self, job: Claimed, ending: Ending, seconds: float) -> None:
        """The ledger has the outcome of an attempt that took so long."""
        kind = OUTCOMES.get(ending.outcome)
        if not self._board.watched or kind is None:
            return
        now, who = time.time(), _who(job.id, self._hostname, os.getpid())
        told = ""
        if self._slot.told != int(job.token):
            told = _start(
                now - seconds, who, job.task, f',"retries":{job.retries},"queue":{_quoted(job.queue)}'
            )
        self._waiting.append(f"{told}{_end(kind, now, who, ending, seconds)}")
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
        events: list[str] = []
        for slot, running in at_work:
            if now - running.started >= A_WHILE_SECONDS and slot.told != running.token:
                slot.told = running.token
                at = wall - (now - running.started)
                events.append(_start(at, self._who(running), running.task).removesuffix(","))
        if events:
            _send(events, self._worker.hostname)

    def ended(self, slot: Slot, running: Running, ending: Ending) -> None:
        """The ledger has the outcome of an attempt that is ended by force: its holder tells nothing of it."""
        if not self._board.watched or ending.outcome not in OUTCOMES:
            return
        now, who = time.time(), self._who(running)
        seconds = time.monotonic() - running.started
        told = "" if slot.told == running.token else _start(now - seconds, who, running.task)
        end = _end(OUTCOMES[ending.outcome], now, who, ending, seconds)
        _send([f"{told}{end}"], self._worker.hostname)

    def _who(self, running: Running) -> str:
        return _who(running.job_id, self._worker.hostname, running.pid)


def _who(job_id: str, hostname: str, pid: int) -> str:
    """What all events of an attempt have. As text: a dictionary for each would cost several times as much."""
    return f'"uuid":{_quoted(job_id)},"hostname":{_quoted(hostname)},"pid":{pid}'


def _start(at: float, who: str, task: str, more: str = "") -> str:
    """An attempt was received, that is claimed, and started; a comma follows."""
    return (
        f'{{"type":"task-received","name":{_quoted(task)},"timestamp":{at!r}{more},{who}}},'
        f'{{"type":"task-started","timestamp":{at!r},{who}}},'
    )


def _end(kind: str, at: float, who: str, ending: Ending, seconds: float) -> str:
    if ending.outcome is State.SUCCESS:
        outcome = f'"runtime":{seconds!r}'
    else:
        outcome = json.dumps(_outcome(ending))[1:-1]
    return f'{{"type":"{kind}","timestamp":{at!r},{outcome},{who}}}'


def _outcome(ending: Ending) -> Event:
    if ending.outcome is State.REVOKED:
        return {"terminated": False, "signum": None, "expired": False}
    told = json.loads(ending.error) if ending.error else {}
    said = f"{told['error']}: {told['message']}" if told else ending.cause
    return {"exception": said, "traceback": told.get("traceback")}


def _send(events: Sequence[str], hostname: str) -> None:
    """As Celery's own dispatcher sends several: one message, as kombu frames it."""
    message = json.dumps({
        "body": f"[{','.join(events)}]", "content-encoding": "utf-8", "content-type": "application/json",
        "headers": {"hostname": hostname},
        "properties": {
            "delivery_mode": 1, "priority": 0, "delivery_tag": str(uuid.uuid4()),
            "delivery_info": {"exchange": EXCHANGE, "routing_key": ROUTING_KEY},
        },
    })  # fmt: skip
    with suppress(JobsError):
        ledger().announce(EXCHANGE, ROUTING_KEY, message)
