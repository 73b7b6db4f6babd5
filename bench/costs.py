"""What it costs a worker to be watched: jobs a second with nothing on, with each of it alone, with all of it.

Counting for the metrics, JSON lines at info, task events, traces of all jobs and of one in a hundred. Each
round measures each once, in an order that turns. The spans go to a process that takes them and does nothing:
on a machine of two cores it shares these with the worker, Redis and the harness.
"""

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))

from contenders import Taskbell
from measure import Run, run
from processes import BENCH, Server, running_server
from progress import progress

NO_METRICS = {"JOBS_MEASURES": "0"}
JSON_LINES = {"LOG_FORMAT": "json"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to be watched."""

    name: str
    env: Mapping[str, str] = field(default_factory=lambda: NO_METRICS)
    options: Sequence[str] = ()
    sampled: float | None = None
    """The part of the jobs whose submit was sampled; None where there are no traces."""


CASES = (
    Case(name="nothing"),
    Case(name="metrics", env={}),
    Case(name="JSON log at info", env=NO_METRICS | JSON_LINES, options=("--loglevel=info",)),
    Case(name="task events", options=("-E",)),
    Case(name="traces, 1 %", sampled=0.01),
    Case(name="traces, all", sampled=1.0),
    Case(name="all of it", env=JSON_LINES, options=("--loglevel=info", "-E"), sampled=1.0),
)


class Traced(Taskbell):
    """Jobs that carry the context of a submit, as the API's do where there are traces."""

    def __init__(self, name: str, sampled: float | None) -> None:
        super().__init__(name, "djangoNinja")
        self._sampled = sampled
        self.sampled = 0
        """Jobs whose submit was."""

    def options(self) -> str:
        if self._sampled is None:
            return ""
        flag = int(random.random() < self._sampled)
        self.sampled += flag
        context = f"00-{random.getrandbits(128) | 1:032x}-{random.getrandbits(64) | 1:016x}-{flag:02}"
        return json.dumps({"traceparent": context}, separators=(",", ":"))


@contextmanager
def running_sink() -> Iterator[tuple[int, Callable[[], int]]]:
    """Its port, and what ends it and tells the spans that it got."""
    process = subprocess.Popen([sys.executable, BENCH / "sink.py"], stdout=subprocess.PIPE, text=True)

    def end() -> int:
        process.terminate()
        return int(process.communicate(timeout=60)[0])

    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), end
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def measured(case: Case, processes: int, jobs: int, server: Server, where: str) -> tuple[Run, float | None]:
    """One run, and the part of the spans that came to be that reached the collector."""
    contender = Traced(case.name, case.sampled)
    measure = partial(run, contender, processes, jobs, server, partial(_report, where))
    if case.sampled is None:
        return measure(options=case.options, env=case.env), None
    with running_sink() as (port, end):
        address = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
        found = measure(options=case.options, env={**case.env, **address})
        return found, end() / max(1, contender.sampled)


def _report(where: str, what: str, done: int, jobs: int) -> None:
    progress(f"{where}: {what} {done:,} of {jobs:,}")


def table(found: Mapping[str, list[tuple[Run, float | None]]]) -> Iterator[str]:
    """Medians, and ratios to what the same round had with nothing on.

    By CPU: the jobs that a second of it does, worker and Redis, which other programs hardly touch.
    """
    head = (
        "on",
        "jobs/s",
        "slowest – fastest",
        "x nothing",
        "x by CPU",
        "worker us",
        "Redis us",
        "spans sent",
    )
    yield f"| {' | '.join(head)} |"
    yield f"| --- |{' --: |' * (len(head) - 1)}"
    base = [each for each, _ in found[CASES[0].name]]
    for name, told in found.items():
        runs, sent = [each for each, _ in told], [part for _, part in told if part is not None]
        rates = [each.per_second for each in runs]
        pairs = list(zip(runs, base, strict=True))
        cells = (
            name, f"{median(rates):,.0f}", f"{min(rates):,.0f} – {max(rates):,.0f}",
            f"{median(one.per_second / other.per_second for one, other in pairs):.2f}",
            f"{median(_cpu(other) / _cpu(one) for one, other in pairs):.2f}",
            f"{median(each.worker_us for each in runs):.0f}", f"{median(each.redis_us for each in runs):.0f}",
            f"{min(1.0, median(sent)):.0%}" if sent else "",
        )  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def _cpu(one: Run) -> float:
    return one.worker_us + one.redis_us


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").replace("%", "%%"), formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=40_000, help="jobs in each run")
    parser.add_argument("--processes", type=int, default=2, help="pool processes: -c")
    parser.add_argument("--redis-server", metavar="PATH", help="a Redis or Valkey to run")
    told = parser.parse_args()
    found: dict[str, list[tuple[Run, float | None]]] = {case.name: [] for case in CASES}
    with running_server(told.redis_server) as server:
        print(
            f"{server.name}, -c {told.processes}, {told.jobs:,} jobs a run, {os.cpu_count()} cores",
            flush=True,
        )
        for number in range(told.rounds):
            turn = number * len(CASES) // told.rounds
            for case in CASES[turn:] + CASES[:turn]:
                where = f"round {number + 1} of {told.rounds}: {case.name}"
                one, sent = measured(case, told.processes, told.jobs, server, where)
                found[case.name].append((one, sent))
                progress("")
                print(f"{where}: {one.per_second:,.0f}/s, others {one.other_cores:.2f} cores", flush=True)
    print("\n" + "\n".join(table(found)))


if __name__ == "__main__":
    main()
