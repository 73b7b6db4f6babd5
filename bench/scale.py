"""How long the ledger's scripts take in Redis, with two thousand jobs there and with two millions.

Of the two millions one is delayed; of the other all but a thousand are held up by limits and pauses, over
10,000 keys. What is measured is the CPU time of Redis's main thread, as the kernel counts it: what else
runs on the machine is not in it.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))

from crowd import DONE, QUEUE, Crowd, Size
from processes import Server, running_server
from progress import progress

from jobs.ledger.client import _packed

EMBEDDED = "embedded"
ROUNDS, WARM_UP, BATCH = 100, 3, 50
HEAD = "| script | few, us | many, us | x |\n| --- | --: | --: | --: |"
MOST_TIMES, MOST_TICK_MS = 1.3, 10
"""How many times as slow a script may be among millions, and how long one tick may keep Redis."""


class Hands:
    """Some holders, whose calls go out in one pipeline, and what each kind of call took in Redis."""

    def __init__(self, server: Server, crowd: Crowd) -> None:
        self._crowd = crowd
        self._spent_file = Path(f"/proc/{server.redis.info('server')['process_id']}/schedstat")
        self._names = [f"hand-{number}" for number in range(BATCH)]
        self._calls = 0
        self.taken: dict[str, list[float]] = {}
        """Microseconds a call, a batch at a time, by what was measured."""

    def time(self, name: str, script: str, calls: Sequence[Sequence[str | int]]) -> list[Any]:
        """Run a script with each of these arguments; gives its answers."""
        before = self.spent()
        answers = self._crowd.run(script, calls)
        self.taken.setdefault(name, []).append((self.spent() - before) / len(calls))
        return answers

    def claim(self) -> list[Any]:
        """Each holder claims a job."""
        return self._held(self.time("claim", "claim", [
            [hand, self._number(), QUEUE, self._crowd.known.key, ""] for hand in self._names
        ]))  # fmt: skip

    def finish(self, name: str, held: list[Any], claim_from: str = "") -> list[Any]:
        """Each holder finishes what it has, and claims where it is said from what."""
        known = self._crowd.known.key
        answers = self.time(name, "finish", [
            [hand, self._number(), *job, "SUCCESS", DONE.meta, 0, "", "", "", claim_from, known, "", "", ""]
            for hand, job in zip(self._names, held, strict=True)
        ])  # fmt: skip
        return self._held(answers) if claim_from else []

    def _held(self, answers: list[Any]) -> list[Any]:
        if any(len(answer) == 1 for answer in answers):
            raise RuntimeError(f"there was no job to claim: {answers}")
        return [answer[1:3] for answer in answers]

    def _number(self) -> int:
        self._calls += 1
        return self._calls

    def spent(self) -> float:
        """CPU time of Redis's main thread so far, in microseconds; it is right while that sleeps."""
        return int(self._spent_file.read_text().split()[0]) / 1000


class Work:
    """What is measured on one server; every round leaves the jobs that it found."""

    def __init__(self, server: Server, size: Size, **settings: Any) -> None:
        self.crowd = Crowd(server.url, **settings)
        self.hands = Hands(server, self.crowd)
        self.crowd.fill(size, lambda what, done, of: progress(f"{server.name}: {what} {done:,} of {of:,}"))
        self.crowd.holder().claim(QUEUE)  # makes the tasks known
        if faults := self.crowd.faults(size):
            raise RuntimeError("; ".join(faults))

    def round(self) -> None:
        """Measure every script, a batch of calls each."""
        ready = [_packed(job) for job in self.crowd.free_jobs(2 * BATCH)]
        later = [_packed(self.crowd.job("free", delay=timedelta(hours=1 + n))) for n in range(BATCH)]
        self.hands.time("submit", "submit", ready)
        self.hands.time("submit, delayed", "submit", later)
        first = self.hands.claim()
        second = self.hands.finish("finish and claim", first, QUEUE)
        self.hands.finish("finish", second)
        self.hands.time("tick, nothing due", "tick", [[1]] * 10)
        self.crowd.ledger.cancel([str(job[0]) for job in later])
        self.crowd.ledger.discard([*(str(job[0]) for job in later), *(job[0] for job in first + second)])

    def all_due(self) -> list[float]:
        """What each tick takes when every delayed job comes due at once."""
        due, ticks, more = self.crowd.make_all_due(), "tick, all due", 1
        while more:
            [[_, more, _, _]] = self.hands.time(ticks, "tick", [[1]])
            progress(f"tick {len(self.hands.taken[ticks]):,} for {due:,} jobs")
        if gap := self.crowd.ledger.counts(QUEUE).gap:
            raise RuntimeError(f"{gap} jobs are nowhere")
        return self.hands.taken[ticks]


def compare(few: Work, many: Work, rounds: int) -> dict[str, tuple[float, float]]:
    """What each script takes among few jobs and among many; they take turns, so that noise hits both."""
    for number in range(WARM_UP + rounds):
        if number == WARM_UP:
            few.hands.taken.clear()
            many.hands.taken.clear()
        few.round()
        many.round()
        progress(f"round {number:,} of {rounds:,}")
    few_taken, many_taken = few.hands.taken, many.hands.taken
    return {name: (median(few_taken[name]), median(many_taken[name])) for name in few_taken}


def measured(binary: str | None, size: Size, options: argparse.Namespace) -> bool:
    """Measure on one kind of server and print what was found; False where something is too slow."""
    with running_server(binary) as one, running_server(binary) as other:
        few, many = Work(one, Size(delayed=1_000)), Work(other, size)
        found = compare(few, many, options.rounds)
        used, ticks = other.used_bytes / 2**30, sorted(many.all_due())
        progress("")
        print(f"\n{one.name}, {used:.1f} GiB\n\n{HEAD}")
        for name, (short, long) in found.items():
            print(f"| {name} | {short:.0f} | {long:.0f} | {long / short:.2f} |")
        print(
            f"\n{len(ticks):,} ticks when all that was delayed came due at once: median"
            f" {median(ticks) / 1000:.1f} ms, 99 of 100 within {ticks[len(ticks) * 99 // 100] / 1000:.1f} ms,"
            f" longest {ticks[-1] / 1000:.1f} ms", flush=True,
        )  # fmt: skip
        few.crowd.close()
        many.crowd.close()
    slow = [name for name, (short, long) in found.items() if long > options.most_times * short]
    return not slow and ticks[-1] <= 1000 * options.most_tick_ms


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    installed = [path for path in (shutil.which("redis-server"), shutil.which("valkey-server")) if path]
    parser.add_argument("--held", type=int, default=999_000)
    parser.add_argument("--delayed", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--servers", metavar="PATH", nargs="+", default=[EMBEDDED, *installed],
        help=f"programs to measure; `{EMBEDDED}` is the Valkey that `make up` starts",
    )  # fmt: skip
    parser.add_argument("--most-times", type=float, default=MOST_TIMES)
    parser.add_argument("--most-tick-ms", type=float, default=MOST_TICK_MS)
    return parser.parse_args()


def main() -> None:
    """Measure on each server, and fail where a script is too slow among many jobs."""
    options = _options()
    size = Size(held=options.held, delayed=options.delayed, keys=options.keys)
    servers = [None if server == EMBEDDED else server for server in options.servers]
    sound = [measured(server, size, options) for server in servers]
    print(f"\nAt most {options.most_times} times, no tick above {options.most_tick_ms} ms: {all(sound)}.")
    sys.exit(not all(sound))


if __name__ == "__main__":
    main()
