"""Bytes of Redis memory that a `process` job takes while it waits, and after it has ended.

What Redis allocates for its tables grows in steps, so several numbers of jobs are measured.
"""

import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))

from contenders import CONTENDERS
from measure import settle, watch
from processes import Server, running_server, running_worker
from progress import progress

TEXT = "hello"
WAITING_BYTES, FINISHED_BYTES = 700, 1_100
"""The most that a job may take."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    installed = [path for path in (shutil.which("redis-server"), shutil.which("valkey-server")) if path]
    parser.add_argument("--jobs", type=int, nargs="+", default=[5_000, 10_000, 20_000, 40_000])
    parser.add_argument(
        "--redis-server", metavar="PATH", nargs="*", default=installed,
        help="servers to run beside the embedded Valkey",
    )  # fmt: skip
    return parser.parse_args()


def _measured(server: Server, jobs: int) -> tuple[float, float]:
    """Bytes a job, waiting and finished; the server is empty."""
    taskbell = CONTENDERS["taskbell"]
    empty = server.used_bytes
    submitted = dict.fromkeys(taskbell.fill(server, [TEXT] * jobs), TEXT)
    waiting = server.used_bytes
    with running_worker(taskbell.app, 2, server.url) as worker:
        watch(taskbell, jobs, server, worker, lambda what, done, of: progress(f"{what} {done:,} of {of:,}"))
    settle(taskbell, submitted, server)
    progress("")
    return (waiting - empty) / jobs, (server.used_bytes - empty) / jobs


def main() -> None:
    """Measure on each server, and fail where a job takes too much."""
    options = _options()
    heavy = False
    print("| server | jobs | bytes waiting | bytes finished |\n| --- | --: | --: | --: |")
    for binary in [None, *options.redis_server]:
        for jobs in options.jobs:
            with running_server(binary) as server:
                waiting, finished = _measured(server, jobs)
                heavy = heavy or waiting > WAITING_BYTES or finished > FINISHED_BYTES
                print(f"| {server.name} | {jobs:,} | {waiting:.0f} | {finished:.0f} |", flush=True)
    print(f"\nAt most {WAITING_BYTES} and {FINISHED_BYTES:,}: {'no' if heavy else 'yes'}.")
    sys.exit(heavy)


if __name__ == "__main__":
    main()
