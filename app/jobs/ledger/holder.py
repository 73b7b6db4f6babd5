"""A holder: one slot of one worker process, that claims jobs and finishes them.

Each of its calls carries a number, and the ledger keeps the last answer; so a call whose reply was
lost is sent again and answered alike, and no job is ever held by a process that does not know it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.conf import Settings
from jobs.errors import LedgerUnavailable
from jobs.ledger import records
from jobs.ledger.records import Claimed, Ending, duration_us, instant_us
from jobs.ledger.scripts import load
from jobs.ledger.wire import Argument, Stubborn
from jobs.limits import Limits


class HolderGone(Exception):
    """The ledger released this holder: it was believed dead. It can never claim again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """What the ledger answered to a finish."""

    recorded: bool
    """False where another attempt has the job, or had: this one's outcome counts for nothing."""
    next: Claimed | None


class KnownTasks:
    """The tasks that a worker knows and what limits each, kept in the ledger under their digest.

    So workers of two releases, with other tasks or limits, work side by side.
    """

    def __init__(self, tasks: Mapping[str, Limits], settings: Settings) -> None:
        self.names = sorted(tasks)
        self.packed = [text for name in self.names for text in (name, tasks[name].packed())]
        digest = hashlib.sha256("\n".join(self.packed).encode()).hexdigest()[:16]
        self.key = f"{settings.PREFIX}known:{digest}"


class Holder:
    """Claims and finishes; both wait for as long as Redis is away.

    One that `gives_up` raises `LedgerUnavailable` instead. The call may have run all the same: the same
    call must be its next, and gets the answer that was lost.
    """

    def __init__(
        self,
        id: str,  # noqa: A002 - its name
        settings: Settings,
        known: KnownTasks,
        worker: str = "",
        *,
        gives_up: bool = False,
    ) -> None:
        self.id = id
        self._worker = worker
        self._scripts = load(settings)
        self._wire = Stubborn(settings, gives_up=gives_up)
        self._known = known
        self._seq = 0

    def claim(self, queue: str) -> Claimed | None:
        """The queue's next job that this worker knows, or None.

        Raises:
            HolderGone: this holder was released.
        """
        answer = self._call("claim", queue, self._known.key, self._worker)
        if answer[0] == b"unknown":
            self._wire.run(self._scripts["know"], self._known.key, *self._known.packed)
            answer = self._call("claim", queue, self._known.key, self._worker)
        return records.claimed(answer)

    def finish(self, job: Claimed, ending: Ending, *, claim_from: str = "") -> Finished:
        """Record how the attempt ended and, when asked, claim the queue's next job.

        Raises:
            HolderGone: this holder was released; the job went to another.
        """
        answer = self._call(
            "finish", job.id, job.token, ending.outcome.value, ending.meta,
            duration_us(ending.delay), instant_us(ending.due), ending.arguments,
            _stored(ending), claim_from, self._known.key, self._worker,
            "1" if ending.counts else "", ending.error, ending.cause,
        )  # fmt: skip
        return Finished(recorded=answer[0] == b"ok", next=records.claimed(answer))

    def close(self) -> None:
        self._wire.close()

    def _call(self, script: str, *arguments: Argument) -> list[bytes]:
        self._seq += 1
        try:
            answer: list[bytes] = self._wire.run(self._scripts[script], self.id, self._seq, *arguments)
        except LedgerUnavailable:
            self._seq -= 1
            raise
        if answer[0] == b"gone":
            raise HolderGone(self.id)
        return answer


def _stored(ending: Ending) -> str:
    if not ending.stored:
        return ""
    return "ledger" if ending.in_ledger else "1"
