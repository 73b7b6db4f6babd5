"""What the ledger's own counters tell of a run, held against the books, the witness and the API."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jobs.ledger import FINAL, Ledger


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What was counted, over all tasks and queues."""

    submitted: int
    started: int
    ended: Mapping[str, int]
    """Attempts by outcome."""
    finished: Mapping[str, int]
    """Jobs by final state."""

    @classmethod
    def read(cls, ledger: Ledger) -> "Counted":
        """What was counted so far; raises `LedgerUnavailable`."""
        number: Counter[str] = Counter()
        for queue in ledger.watch.queues(ledger.queues()):
            for seen in queue.seen:
                number.update(seen.counted)
                number["started"] += seen.timed["wait"].count
        return cls(
            submitted=number["submitted"], started=number["started"], ended=_of(number, "ended:"),
            finished=_of(number, "finished:"),
        )  # fmt: skip

    def since(self, before: "Counted") -> "Counted":
        """What was counted since then."""
        return Counted(
            submitted=self.submitted - before.submitted, started=self.started - before.started,
            ended={name: number - before.ended[name] for name, number in self.ended.items()},
            finished={name: number - before.finished[name] for name, number in self.finished.items()},
        )  # fmt: skip

    def faults(self, *, submitted: int, finished: Mapping[str, int], attempts: int) -> Iterator[str]:
        """Where it is not what others tell: the jobs, their ends, the attempts that a witness saw."""
        if self.submitted != submitted:
            yield f"{self.submitted:,} jobs submitted, not {submitted:,}"
        for state in sorted(FINAL):
            if self.finished[state] != finished.get(state, 0):
                yield f"{self.finished[state]:,} jobs ended in {state}, not {finished.get(state, 0):,}"
        if self.started != sum(self.ended.values()):
            yield f"{self.started:,} attempts started, and {sum(self.ended.values()):,} ended"
        # An attempt may be cut off, or stopped, before its first line of code.
        unseen = self.started - attempts
        cut = sum(self.ended[outcome] for outcome in ("LOST", "PENDING", "REVOKED"))
        if not 0 <= unseen <= cut:
            yield f"{self.started:,} attempts started, {attempts:,} were seen, and {cut:,} were cut short"


def _of(number: Mapping[str, int], kind: str) -> dict[str, int]:
    return {name.removeprefix(kind): found for name, found in number.items() if name.startswith(kind)}
