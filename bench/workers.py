"""Jobs a second of the platform's worker beside stock Celery's, on the same task and the same Redis.

Each round measures every worker once, in an order that turns, so that a slow spell of the machine
hits them alike. A run that others disturbed is repeated, and the least disturbed one counts.
"""

import argparse
import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))

from contenders import CONTENDERS, Contender
from measure import Run, run
from processes import Server, running_server
from progress import progress
from table import line, summary, table

QUIET_CORES = 0.2
"""What others, the harness among them, may take of the machine before a run counts as disturbed."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").replace("%", "%%"), formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="runs of each worker that count")
    add("--tries", type=int, default=3, help="how often a disturbed run is measured at the most")
    add("--jobs", type=int, default=50_000, help="jobs in each run of the platform's worker")
    add("--stock-jobs", type=int, default=5_000, help="jobs in each run of stock Celery")
    add("--processes", type=int, nargs="+", default=[1, 2], help="pool processes: -c")
    add("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), help="workers to measure")
    add("--redis-server", metavar="PATH", help="a Redis or Valkey to run; the embedded Valkey by default")
    add("--append-only", action="store_true", help="Redis keeps an append-only file")
    add("--json", type=Path, metavar="FILE", help="write every run and the summary there")
    return parser.parse_args()


def _report(where: str, what: str, done: int, jobs: int) -> None:
    progress(f"{where}: {what} {done:,} of {jobs:,}")


def _least_disturbed(
    contender: Contender, processes: int, jobs: int, server: Server, where: str, tries: int
) -> Run:
    found: list[Run] = []
    while len(found) < tries and all(each.disturbance > QUIET_CORES for each in found):
        report = partial(_report, f"{where}, try {len(found) + 1}")
        found.append(run(contender, processes, jobs, server, report))
    return min(found, key=lambda each: each.disturbance)


def _measured(options: argparse.Namespace, server: Server) -> list[Run]:
    pairs = [(name, processes) for processes in options.processes for name in options.only]
    runs = []
    for number in range(options.rounds):
        turn = number * len(pairs) // options.rounds
        for name, processes in pairs[turn:] + pairs[:turn]:
            contender = CONTENDERS[name]
            jobs = options.stock_jobs if name == "stock" else options.jobs
            where = f"round {number + 1} of {options.rounds}: {contender.name} -c {processes}"
            runs.append(_least_disturbed(contender, processes, jobs, server, where, options.tries))
            progress("")
            print(line(number + 1, runs[-1]), flush=True)
    return runs


def main() -> None:
    """Measure, and print what was found."""
    options = _options()
    with running_server(options.redis_server, append_only=options.append_only) as server:
        redis = f"{server.name}, append-only file {'on' if options.append_only else 'off'}"
        print(f"{redis}; nothing is pinned", flush=True)
        runs = _measured(options, server)
    print(f"\n{table(runs)}\n\nEvery job: SUCCESS, right result, attempt 1; accounting gap 0.")
    if disturbed := [each for each in runs if each.disturbance > QUIET_CORES]:
        print(
            f"Disturbed in each of their tries: {len(disturbed)} of {len(runs)} runs; mistrust their ratios."
        )
    if options.json:
        rows = [asdict(row) for row in summary(runs)]
        told = {"redis": redis, "summary": rows, "runs": [asdict(each) for each in runs]}
        options.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
