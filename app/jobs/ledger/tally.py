"""Where the numbers of what happened to the jobs of one task in one queue stand, in the row that has them.

A row is a string of 64-bit numbers. A release reads rows of the next and of the one before, so that what has
a place keeps it; what is new comes behind.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

SPANS = tuple(
    timedelta(seconds=seconds)
    for seconds in (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600)
)
"""The ends of the spans in which waits and runs are counted; what takes longer than the last has its own."""
TIMES = ("wait", "run", "total")
"""What is timed: a number for each span, and then the sum in us."""
NTH = "nth"
_NUMBERS = (
    "submitted", "repeated", "refused:once", "refused:unique", "refused:long", "refused:full", "recovered",
    "redriven", "ended:SUCCESS", "ended:FAILURE", "ended:RETRY", "ended:REVOKED", "ended:PENDING",
    "ended:LOST", "finished:SUCCESS", "finished:FAILURE", "finished:REVOKED",
    "objective:met", "objective:missed", NTH,
)  # fmt: skip
EVENTS = tuple(name for name in _NUMBERS if name != NTH)
"""What is counted."""
_SUM = len(SPANS) + 1
_EACH = _SUM + 1
_PLACES = {name: at * _EACH for at, name in enumerate(TIMES)} | {
    name: len(TIMES) * _EACH + at for at, name in enumerate(_NUMBERS)
}


@dataclass(frozen=True, kw_only=True)
class Timed:
    """How long something took, each time since the ledger was begun."""

    spans: tuple[int, ...] = (0,) * _SUM
    """How often it took so long: up to each end of `SPANS`, and longer than the last."""
    sum: timedelta = timedelta(0)

    @property
    def count(self) -> int:
        return sum(self.spans)

    def __add__(self, other: "Timed") -> "Timed":
        spans = tuple(map(sum, zip(self.spans, other.spans, strict=True)))
        return Timed(spans=spans, sum=self.sum + other.sum)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What happened to the jobs of one task in one queue since the ledger was begun.

    Counted are `EVENTS`: a submit was `repeated` that got a job that was there, or `refused`, for one of four
    reasons; an attempt `ended` with an outcome, a job was `finished` with a state, and met its
    `objective` or missed it. Timed are `wait` (from
    when a job could start to its attempt's start), `run` (of attempts that were not cut short) and `total`
    (from when a job was accepted to its final state).
    """

    task: str
    counted: Mapping[str, int]
    timed: Mapping[str, Timed]
    nth: int
    """Its place among the tasks of its queue as they came, from 1; 0 where an earlier release met it."""


def seen(task: str, row: bytes) -> Seen:
    """A row as Redis holds it."""
    whole = row.ljust(8 * (max(_PLACES.values()) + 1), b"\0")
    numbers = struct.unpack(f">{len(whole) // 8}q", whole[: len(whole) // 8 * 8])
    timed = {}
    for name in TIMES:
        at = _PLACES[name]
        timed[name] = Timed(
            spans=numbers[at : at + _SUM], sum=timedelta(microseconds=numbers[at + _SUM])
        )  # fmt: skip
    return Seen(
        task=task, counted={name: numbers[_PLACES[name]] for name in EVENTS}, timed=timed,
        nth=numbers[_PLACES[NTH]],
    )  # fmt: skip


def lua_places() -> str:
    """The places by the names that scripts use: `AT_SUBMITTED`; of what has variants, `AT_ENDED[outcome]`."""
    lines = [f"local SUM = {_SUM}"]
    tables: dict[str, list[str]] = {}
    for name, place in _PLACES.items():
        kind, _, variant = name.partition(":")
        if variant:
            tables.setdefault(kind, []).append(f"{variant}={place}")
        else:
            lines.append(f"local AT_{name.upper()} = {place}")
    lines += [f"local AT_{kind.upper()} = {{{','.join(told)}}}" for kind, told in tables.items()]
    return "\n".join(lines)
