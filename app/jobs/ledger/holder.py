"""A holder: one slot of one worker process, that claims jobs and finishes them.

Each of its calls carries a number, and the ledger keeps the last answer; so a call whose reply was
lost is sent again and answered alike, and no job is ever held by a process that does not know it.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from jobs.conf import Settings
from jobs.ledger import records
from jobs.ledger.records import Claimed, Ending, duration_us, instant_us
from jobs.ledger.scripts import load
from jobs.ledger.wire import Argument, Stubborn


class HolderGone(Exception):
    """The ledger released this holder: it was believed dead. It can never claim again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """What the ledger answered to a finish."""

    recorded: bool
    """False where another attempt has the job, or had: this one's outcome counts for nothing."""
    next: Claimed | None


class KnownTasks:
    """The tasks that a worker knows: a set in the ledger, under the digest of their names."""

    def __init__(self, names: Iterable[str], settings: Settings) -> None:
        self.names = sorted(names)
        digest = hashlib.sha256("\n".join(self.names).encode()).hexdigest()[:16]
        self.key = f"{settings.PREFIX}known:{digest}"


class Holder:
    """Claims and finishes; both wait for as long as Redis is away."""

    def __init__(self, id: str, settings: Settings, known: KnownTasks) -> None:  # noqa: A002 - its name
        self.id = id
        self._scripts = load(settings)
        self._wire = Stubborn(settings)
        self._known = known
        self._seq = 0

    def claim(self, queue: str) -> Claimed | None:
        """The queue's next job that this worker knows, or None.

        Raises:
            HolderGone: this holder was released.
        """
        answer = self._call("claim", queue, self._known.key)
        if answer[0] == b"unknown":
            self._wire.run(self._scripts["know"], self._known.key, *self._known.names)
            answer = self._call("claim", queue, self._known.key)
        return records.claimed(answer)

    def finish(self, job: Claimed, ending: Ending, *, claim_from: str = "") -> Finished:
        """Record how the attempt ended and, when asked, claim the queue's next job.

        Raises:
            HolderGone: this holder was released; the job went to another.
        """
        answer = self._call(
            "finish", job.id, job.token, ending.outcome.value, ending.meta,
            duration_us(ending.delay), instant_us(ending.due), ending.arguments,
            "1" if ending.stored else "", claim_from, self._known.key,
            "1" if ending.counts else "",
        )  # fmt: skip
        return Finished(recorded=answer[0] == b"ok", next=records.claimed(answer))

    def close(self) -> None:
        self._wire.close()

    def _call(self, script: str, *arguments: Argument) -> list[bytes]:
        self._seq += 1
        answer: list[bytes] = self._wire.run(self._scripts[script], self.id, self._seq, *arguments)
        if answer[0] == b"gone":
            raise HolderGone(self.id)
        return answer
