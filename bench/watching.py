"""What it costs to be watched: the counting in the ledger's scripts, on and off, and a read of its page.

The scripts' cost is CPU time of Redis's main thread, as in `scale.py`; on and off take turns. The page is
read over HTTP from gunicorn, among many jobs: first a thousand, then all of them.
"""

import argparse
import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))

from crowd import Size
from processes import APP, Server, running_server
from progress import progress
from scale import EMBEDDED, Work, compare

READS = 50
PAGE = "/metrics/ledger"


@contextmanager
def running_api(server: Server) -> Iterator[int]:
    """The API beside it; gives its port."""
    env = {"PATH": os.environ["PATH"], "REDIS_URL": server.url, "DATABASE_URL": "none", "PORT": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn"], cwd=APP, env=env, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"Listening at: http://\S+?:(\d+)", line):
                yield int(found[1])
                return
        raise RuntimeError("the API did not start")
    finally:
        process.terminate()
        process.wait()


def scrapes(work: Work, port: int) -> tuple[float, float, int]:
    """Milliseconds that a read takes, of them in Redis, and the bytes of the page: medians."""
    took, spent, size = [], [], 0
    for _ in range(READS):
        before, began = work.hands.spent(), time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", PAGE)
        size = len(connection.getresponse().read())
        connection.close()
        took.append(1000 * (time.perf_counter() - began))
        spent.append((work.hands.spent() - before) / 1000)
        time.sleep(0.05)
    return median(took), median(spent), size


def measured(binary: str | None, size: Size, rounds: int, most_ms: float) -> bool:
    """Measure on one kind of server and print what was found; False where a read takes too long."""
    with running_server(binary) as one, running_server(binary) as other:
        off, on = Work(one, Size(), MEASURES=False), Work(other, Size())
        found = compare(off, on, rounds)
        progress("")
        print(f"\n{one.name}\n\n| script | off, us | on, us | x |\n| --- | --: | --: | --: |")
        for name, (without, counting) in found.items():
            print(f"| {name} | {without:.1f} | {counting:.1f} | {counting / without:.2f} |")
        off.crowd.close()
        on.crowd.close()
    print("\n| jobs that wait | a read, ms | of it Redis, ms | KiB |\n| --: | --: | --: | --: |")
    slowest = 0.0
    for held in (0, size.held):
        with running_server(binary) as server:
            work = Work(server, Size(held=held, keys=size.keys))
            with running_api(server) as port:
                took, spent, length = scrapes(work, port)
            waiting = work.crowd.ledger.counts("celery").waiting
            print(f"| {waiting:,} | {took:.1f} | {spent:.2f} | {length / 1024:.0f} |", flush=True)
            work.crowd.close()
            slowest = max(slowest, took)
    return slowest <= most_ms


def main() -> None:
    """Measure on each server, and fail where a read takes too long."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--held", type=int, default=1_000_000, help="jobs that wait")
    parser.add_argument("--keys", type=int, default=10_000, help="over which they are spread")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--most-ms", type=float, default=50, help="the longest that a read may take")
    parser.add_argument(
        "--servers", metavar="PATH", nargs="+", default=[EMBEDDED],
        help=f"programs to measure; `{EMBEDDED}` is the Valkey that `make up` starts",
    )  # fmt: skip
    options = parser.parse_args()
    size = Size(held=options.held, keys=options.keys)
    servers = [None if server == EMBEDDED else server for server in options.servers]
    sound = [measured(server, size, options.rounds, options.most_ms) for server in servers]
    print(f"\nA read within {options.most_ms:g} ms: {all(sound)}.")
    sys.exit(not all(sound))


if __name__ == "__main__":
    main()
