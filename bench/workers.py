"""Jobs a second of the platform's worker beside stock Celery's: same task, same Redis, same spell of the machine.

Each round measures every worker once, in an order that turns, so that a slow spell hits them alike.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))

from contenders import CONTENDERS  # noqa: E402
from measure import Run, run  # noqa: E402
from processes import Server, running_server  # noqa: E402
from table import line, progress, summary, table  # noqa: E402


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0] if __doc__ else None,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of each worker")
    parser.add_argument("--jobs", type=int, default=50_000, help="jobs in each run of the platform's worker")
    parser.add_argument("--stock-jobs", type=int, default=5_000, help="jobs in each run of stock Celery")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2], help="pool processes: -c")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), help="workers")
    parser.add_argument("--redis-server", metavar="PATH", help="a Redis or Valkey to run, not the embedded Valkey")
    parser.add_argument("--append-only", action="store_true", help="Redis keeps an append-only file")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run and the summary there")
    return parser.parse_args()


def _measured(options: argparse.Namespace, server: Server) -> list[Run]:
    pairs = [(name, processes) for processes in options.processes for name in options.only]
    runs = []
    for number in range(options.rounds):
        turn = number * len(pairs) // options.rounds
        for name, processes in pairs[turn:] + pairs[:turn]:
            contender = CONTENDERS[name]
            jobs = options.stock_jobs if name == "stock" else options.jobs
            where = f"round {number + 1} of {options.rounds}: {contender.name} -c {processes}"

            def report(what: str, done: int, jobs: int, where: str = where) -> None:
                progress(f"{where}: {what} {done:,} of {jobs:,}")

            runs.append(run(contender, processes, jobs, server, report))
            progress("")
            print(line(number + 1, runs[-1]), flush=True)
    return runs


def main() -> None:
    """Measure, and print what was found."""
    options = _options()
    with running_server(options.redis_server, append_only=options.append_only) as server:
        name = server.name
        print(f"{name}, append-only file {'on' if options.append_only else 'off'}; nothing is pinned", flush=True)
        runs = _measured(options, server)
    print(f"\n{table(runs)}\n\nEvery job: SUCCESS, right result, attempt 1; accounting gap 0.")
    if options.json:
        found = {"redis": name, "summary": summary(runs), "runs": [asdict(each) for each in runs]}
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
