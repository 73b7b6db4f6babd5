"""What came of a run, as figures, and whether it is what was promised."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from statistics import median

from jobs.chaos.books import Books, Entry
from jobs.chaos.judge import Judge, Overtaken
from jobs.chaos.settle import Told
from jobs.chaos.strikes import Strikes
from jobs.chaos.witness import Effect

EXAMPLES = 3
EARLY_NS = 20_000_000
"""How much before its time a delayed job may begin: clocks differ in their pace."""


@dataclass(kw_only=True)
class Figures:
    """The figures of one run; waits are in seconds."""

    subject: str
    submitted: int = 0
    accepted: int = 0
    """Jobs whose submit was answered with a task_id."""
    unanswered: int = 0
    """Submits without an answer, or with an error: they may have gone through."""
    accepted_twice: int = 0
    """Jobs that a submit without an answer made beside the one that was answered."""
    finished: int = 0
    ends: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    stuck: int = 0
    wrong: int = 0
    """Jobs that ended otherwise than their kind may, that began too early or after their cancel had ended
    them, or that are done and nowhere any more, and were never told as ended."""
    doubled: int | None = 0
    """None where the rig cannot tell: it did not do the kills."""
    overtaken: dict[str, int] = field(default_factory=dict)
    unfenced: int = 0
    """Jobs whose recorded result is not of their last attempt."""
    attempts: int = 0
    witnessed: bool = True
    """False where the attempts wrote to a witness elsewhere: then their effects are not judged."""
    gap_at_end: int | None = None
    gap_largest: int | None = None
    gap_samples: int = 0
    miscounted: int | None = None
    """Counters and histories that differ from what was seen; None where nobody counts."""
    deaths: int | None = None
    """Pool processes that were killed, as their workers counted them; None where nobody counts."""
    longest_wait: float | None = None
    median_wait: float | None = None
    longest_recovery: float | None = None
    """From a kill to the next attempt of a job that it cut off."""
    cancels: dict[str, int] | None = None
    """Answers to cancels by their status; None where the API has no such route."""
    idempotent: bool = False
    """Whether the API gives one key one job."""
    faults: dict[str, int] = field(default_factory=dict)
    replies_lost: int = 0
    ended_by_themselves: int = 0
    """Processes that ended though nobody struck them."""
    seconds: float = 0.0
    examples: list[str] = field(default_factory=list)
    """Some of the jobs that are not as promised, a few for each fault."""

    @property
    def faulty(self) -> dict[str, int]:
        """What is not as promised."""
        told = {
            "lost": self.lost, "stuck": self.stuck, "wrong": self.wrong, "doubled": self.doubled or 0,
            "unfenced": self.unfenced, "miscounted": self.miscounted or 0,
            "gap": self.gap_at_end or 0, "largest gap": self.gap_largest or 0,
            "accepted twice": self.accepted_twice if self.idempotent else 0,
        }  # fmt: skip
        return {name: number for name, number in told.items() if number}


class Reckoning:
    """Makes the figures of the jobs, one after the other."""

    def __init__(self, figures: Figures, judge: Judge, remaining: Collection[str]) -> None:
        self._figures = figures
        self._judge = judge
        self._remaining = remaining
        self._ends: Counter[str] = Counter()
        self._overtaken: Counter[Overtaken] = Counter()
        self._waits: list[float] = []
        self._recoveries: list[float] = []

    def add(
        self, task_id: str, entry: Entry, told: Told, attempts: list[Effect], revoked: int | None = None
    ) -> None:
        """A job that was accepted; `revoked` is when its cancel was answered that it had ended it."""
        self._ends[told.status or "unknown"] += 1
        self._figures.attempts += len(attempts)
        if not told.is_final:
            self._fault(
                self._why_open(task_id, told, attempts),
                task_id,
                f"{entry.planned.kind}, {told.status or 'unknown'}",
            )
        elif told.status not in entry.planned.ends:
            self._fault("wrong", task_id, f"{entry.planned.kind} ended in {told.status}: {told.result}")
        elif told.status == "SUCCESS" and self._figures.witnessed:
            self._check_effect(task_id, told, attempts)
        if revoked is not None:
            self._check_revoked(task_id, told, attempts, revoked)
        self._add_attempts(task_id, attempts)
        if entry.accepted is not None and attempts and task_id == entry.task_id:
            self._add_wait(task_id, entry, attempts)

    def close(self) -> None:
        """Write what was summed up."""
        figures = self._figures
        figures.ends = dict(self._ends)
        figures.finished = sum(self._ends[state] for state in ("SUCCESS", "FAILURE", "REVOKED"))
        figures.overtaken = self._causes()
        figures.longest_wait = max(self._waits, default=None)
        figures.median_wait = median(self._waits) if self._waits else None
        figures.longest_recovery = max(self._recoveries, default=None)

    def _why_open(self, task_id: str, told: Told, attempts: list[Effect]) -> str:
        if told.status and task_id in self._remaining:
            return "stuck"
        done = any(effect.ended is not None and not effect.failed for effect in attempts)
        return "wrong" if told.status and done else "lost"

    def _causes(self) -> dict[str, int]:
        causes = {why.value: self._overtaken[why] for why in Overtaken}
        if self._figures.doubled is not None:
            return causes
        retried = causes.pop(Overtaken.RETRIED)
        return {Overtaken.RETRIED.value: retried, "ran again": sum(causes.values())}

    def _check_effect(self, task_id: str, told: Told, attempts: list[Effect]) -> None:
        done = [effect for effect in attempts if effect.ended is not None and not effect.failed]
        token = told.result["token"]
        if token not in {effect.token for effect in done}:
            self._fault("lost", task_id, "SUCCESS, and the witness knows of no such effect")
        elif token != max(effect.token for effect in attempts):
            self._fault("unfenced", task_id, f"the record is of token {token}, not of the last attempt")

    def _check_revoked(self, task_id: str, told: Told, attempts: list[Effect], revoked: int) -> None:
        if told.status != "REVOKED":
            self._fault("wrong", task_id, f"its cancel ended it, and it is {told.status}")
        elif any(effect.began > revoked and not self._judge.was_silent(effect) for effect in attempts):
            self._fault("wrong", task_id, "it began after its cancel had ended it")

    def _add_attempts(self, task_id: str, attempts: list[Effect]) -> None:
        found = self._judge.count(attempts)
        self._overtaken += found
        if self._figures.doubled is not None and found[Overtaken.DOUBLED]:
            self._fault("doubled", task_id, str(attempts), found[Overtaken.DOUBLED])
        self._recoveries += self._judge.recoveries(attempts)

    def _add_wait(self, task_id: str, entry: Entry, attempts: list[Effect]) -> None:
        began = min(effect.began for effect in attempts)
        delay = entry.planned.delay.total_seconds()
        if delay and began - entry.first_sent < delay * 1e9 - EARLY_NS:
            self._fault("wrong", task_id, f"delayed by {delay:.3f} s, began too early")
        self._waits.append(max(0.0, (began - (entry.accepted or began)) / 1e9 - delay))

    def _fault(self, name: str, task_id: str, what: str, number: int = 1) -> None:
        setattr(self._figures, name, getattr(self._figures, name) + number)
        told = [example for example in self._figures.examples if example.startswith(f"{name}:")]
        if len(told) < EXAMPLES:
            self._figures.examples.append(f"{name}: job {task_id}: {what}")


def reckon(
    figures: Figures,
    books: Books,
    attempts: Mapping[str, list[Effect]],
    told: Mapping[str, Told],
    strikes: Strikes,
    remaining: Collection[str],
) -> None:
    """Fill in what is told by the books, the witness and the API."""
    entries = books.entries
    owners = {entry.task_id: entry for entry in entries.values() if entry.accepted is not None}
    unseen = {job: entries[some[0].serial] for job, some in attempts.items() if job not in owners}
    figures.submitted = len(entries)
    figures.accepted = len(owners)
    figures.unanswered = sum(entry.in_doubt for entry in entries.values())
    figures.accepted_twice = len(unseen)
    reckoning = Reckoning(figures, Judge(strikes.all), remaining)
    for task_id, entry in (owners | unseen).items():
        each = told.get(task_id, Told(status=""))
        reckoning.add(task_id, entry, each, attempts.get(task_id, []), books.revoked.get(task_id))
    reckoning.close()
