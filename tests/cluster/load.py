"""Runs in a pod: submits jobs and waits until all have ended. URL OF A TASK, BODY, COUNT, [PER SECOND].

It prints `accepted` and then `settled`, each with JSON. A caller that is refused asks again with its
idempotency key, as a caller should.
"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

THREADS = 8
FINAL = {"SUCCESS", "FAILURE", "REVOKED"}
refused: Counter[str] = Counter()


def call(url: str, body: bytes | None = None, key: str = "") -> Any:
    """A request's JSON, however long it takes."""
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    while True:
        try:
            request = urllib.request.Request(url, data=body, headers=headers)
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code not in {429, 502, 503, 504}:
                raise SystemExit(f"{url}: {error.code} {error.read().decode()}") from None
            refused[str(error.code)] += 1
        except (OSError, ValueError) as error:
            refused[type(error).__name__] += 1
        time.sleep(0.2)


def say(word: str, **what: Any) -> None:
    """A line for the test."""
    print(word, json.dumps(what), flush=True)


def main() -> None:
    """Submit, wait, count."""
    url, body, count = sys.argv[1], sys.argv[2].encode(), int(sys.argv[3])
    rate = float(sys.argv[4]) if len(sys.argv) > 4 else 0.0
    run, began = f"{time.time_ns():x}", time.monotonic()

    def submit(number: int) -> str:
        if rate:
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
        return str(call(url, body, f"{run}-{number}")["task_id"])

    def look(job: str) -> tuple[str, str]:
        return job, call(urllib.parse.urljoin(url, f"/api/tasks/status/{job}/"))["status"]

    with ThreadPoolExecutor(THREADS) as pool:
        left = list(pool.map(submit, range(count)))
        ids = set(left)
        say("accepted", jobs=len(ids), seconds=round(time.monotonic() - began, 1))
        while left:
            left = [job for job, status in pool.map(look, left) if status not in FINAL]
            time.sleep(1)
        details = list(
            pool.map(lambda job: call(urllib.parse.urljoin(url, f"/api/jobs/{job}/")), sorted(ids))
        )
    tries = [attempt for job in details for attempt in job["attempts"]]
    say(
        "settled", jobs=len(ids),
        statuses=Counter(job["status"] for job in details),
        attempts=Counter(job["attempt"] for job in details),
        outcomes=Counter(attempt["outcome"] for attempt in tries),
        causes=Counter(attempt["cause"] for attempt in tries if attempt["cause"]),
        refused=refused,
        seconds=round(time.monotonic() - began, 1),
    )  # fmt: skip


main()
