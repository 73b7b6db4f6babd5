"""The deaths of pool processes that the workers count, held against the kills.

A worker counts in its own memory, and its page is read every half second, as Prometheus would. The last page
stands of one that was killed; of one that stops the last before, as it ends its processes itself. A page
tells of no death that is not a kill's, and of all at work that there were when the worker last looked.
"""

import http.client
import re
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from jobs.chaos.kills import POOL_PROCESS
from jobs.chaos.processes import Member
from jobs.chaos.strikes import Strike, now

EVERY_SECONDS = 0.5
TIMEOUT_SECONDS = 1
LAST_SECONDS = 30.0
"""How long the pages of the living may take at the end to tell of all kills."""
LOOK = timedelta(seconds=3) // timedelta(microseconds=1) * 1000
"""Nanoseconds that may lie between a worker's look at its processes and its next renewal of leases, which
comes only if it could count all that it saw dead."""
ENDED, RENEWAL_AGE = "taskbell_worker_processes_ended_total", "taskbell_worker_renewal_age_seconds"
STOPPING = "taskbell_worker_stopping"
SAMPLE = re.compile(r'^(\w+)(?:\{cause="(\w+)"\})? (\S+)$', re.MULTILINE)
"""A series of the page that has no label, or this one: name, cause, value."""
GIVEN_UP = "Timed out waiting for UP message"
"""What Celery says when it kills a process of its own that has not started within four seconds, as while
Redis is away."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a worker told. Instants are nanoseconds of this machine's monotonic clock."""

    killed: int
    """Pool processes that ended by SIGKILL."""
    forced: int
    """Pool processes that the worker ended itself; one that was struck as well may be among them."""
    complete_to: int
    """Until when it tells of every death."""
    at: int
    """After this it tells of none."""


class Deaths(threading.Thread):
    """Reads the pages of workers, by their ports, until it is told to stop."""

    def __init__(self, workers: Mapping[int, Member]) -> None:
        super().__init__(name="deaths", daemon=True)
        self.pages: dict[int, dict[int, Page]] = defaultdict(dict)
        """The last of each main process, by the worker's port."""
        self.refusals: list[str] = []
        """What was answered in place of a page."""
        self._workers = workers
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            self.look()

    def look(self) -> None:
        """Read the page of every worker that answers."""
        for port, worker in self._workers.items():
            sent, pid = now(), worker.pid
            text = self._read(port) if pid else None
            page = page_of(text, sent, now()) if text else None
            if pid and page and worker.pid == pid:
                self.pages[port][pid] = page

    def stop(self) -> None:
        """Read them no more."""
        self._over.set()
        self.join()

    def finish(self) -> None:
        """Read them a last time, when each worker that lives has looked at its processes once more."""
        self.stop()
        calm, until = now(), time.monotonic() + LAST_SECONDS
        while time.monotonic() < until:
            self.look()
            living = [
                self.pages[port].get(worker.pid) for port, worker in self._workers.items() if worker.pid
            ]
            if all(page and page.complete_to > calm for page in living):
                return
            time.sleep(EVERY_SECONDS)
        self.refusals.append(f"a worker's metrics told nothing new in the last {LAST_SECONDS:.0f} s")

    @property
    def counted(self) -> int:
        """Deaths by SIGKILL, of all workers that there were."""
        return sum(page.killed for pages in self.pages.values() for page in pages.values())

    def faults(self, strikes: list[Strike], seated: Collection[int]) -> Iterator[str]:
        """Where workers told of more than there were, or of fewer, or could not tell.

        `seated` are the processes that ran a job. Of another a worker may hear later: as its pool reaps it,
        which a worker does not do that waits for Redis as it starts.
        """
        yield from self.refusals
        for port, worker in self._workers.items():
            killed, most = 0, worker.said(GIVEN_UP)
            for main_pid, page in self.pages[port].items():
                struck = _struck(strikes, main_pid)
                killed += page.killed
                most += sum(at <= page.at for at in struck.values())
                least = sum(at <= page.complete_to for pid, at in struck.items() if pid in seated)
                if page.killed + page.forced < least:
                    yield f"worker {main_pid} counted {page.killed} killed processes, and there were {least}"
            if killed > most:
                yield f"{worker.program.name} counted {killed} killed processes, and there were {most}"

    def _read(self, port: int) -> str | None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException):  # it is not there, or stands still
            return None
        finally:
            connection.close()
        if answer.status == HTTPStatus.OK:
            return text
        self.refusals.append(f"a worker's metrics were answered with {answer.status}: {text.strip()}")
        return None


def _struck(strikes: list[Strike], main_pid: int) -> dict[int, int]:
    """When each pool process of this main process was struck: first, if again before it was gone."""
    first: dict[int, int] = {}
    for strike in strikes:
        if strike.fault == POOL_PROCESS and strike.main_pid == main_pid:
            first.setdefault(strike.pid, strike.at)
    return first


def page_of(text: str, sent: int, read: int) -> Page | None:
    """A page that was asked for and had at these instants; None of a worker that stops."""
    told = {(name, cause): float(value) for name, cause, value in SAMPLE.findall(text)}
    if told[STOPPING, ""]:
        return None
    return Page(
        killed=int(told[ENDED, "SIGKILL"] + told[ENDED, "oom"]), forced=int(told[ENDED, "forced"]),
        complete_to=sent - int(told[RENEWAL_AGE, ""] * 1e9) - LOOK, at=read,
    )  # fmt: skip
