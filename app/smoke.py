"""Submit a job to a running platform and wait for its SUCCESS: `python3 smoke.py URL-OF-A-TASK [BODY]`.

What `helm test` runs. It knows nothing but HTTP.
"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

PATIENCE_SECONDS = 90.0
FINAL = {"SUCCESS", "FAILURE", "REVOKED"}


def call(url: str, body: bytes | None = None) -> Any:
    """A request's JSON; tried again while the platform says that it cannot answer now."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - an address that we are given
                return json.load(answer)
        except urllib.error.HTTPError as error:
            told = error.read().decode(errors="replace")
            if error.code != 503 or time.monotonic() > end:
                raise SystemExit(f"{url}: HTTP {error.code}: {told}") from None
        except OSError as error:
            if time.monotonic() > end:
                raise SystemExit(f"{url}: {error}") from None
        time.sleep(0.5)


def main() -> None:
    """Submit, wait, and say what came."""
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    url, body = sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else '{"data": "hello"}'
    job = call(url, body.encode())["task_id"]
    print(f"submitted {job}", flush=True)  # noqa: T201 - it is a command
    look = urllib.parse.urljoin(url, f"/api/tasks/status/{job}/")
    end = time.monotonic() + PATIENCE_SECONDS
    while (found := call(look))["status"] not in FINAL:
        if time.monotonic() > end:
            raise SystemExit(f"{job} is {found['status']} after {PATIENCE_SECONDS:.0f} s: does a worker run?")
        time.sleep(0.2)
    print(json.dumps(found))  # noqa: T201
    if found["status"] != "SUCCESS":
        raise SystemExit(1)


if __name__ == "__main__":
    main()
