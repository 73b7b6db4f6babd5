"""A user's calls, with the real curl."""

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

from jobs.chaos.processes import free_port

GOING = ("PENDING", "STARTED", "RETRY")
"""The states of a job that has not ended."""


def curl(*arguments: str) -> str:
    """What curl prints."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "60", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def eventually[T](ask: Callable[[], T], wanted: Callable[[T], bool], within_seconds: float = 30) -> T:
    """The first answer that is wanted, of many; for what tells nobody when it happens."""
    deadline = time.monotonic() + within_seconds
    while not wanted(answer := ask()):
        assert time.monotonic() < deadline, f"still {answer!r}"
    return answer


def status(api: str, task_id: str) -> dict[str, Any]:
    return dict(json.loads(curl(f"{api}/api/tasks/status/{task_id}/")))


def submit(api: str, task: str, body: dict[str, Any]) -> str:
    return str(json.loads(curl("-X", "POST", f"{api}/api/tasks/{task}/", "-d", json.dumps(body)))["task_id"])


def free_ports(count: int) -> list[int]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)
