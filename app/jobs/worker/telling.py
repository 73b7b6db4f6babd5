"""A worker's own metrics: what it alone knows, told by its main process for its whole pool.

All of it is on the board or counted in this process, so that no pool process is asked, and none writes a
file. It is imported where a port is set alone: Prometheus' client costs a worker memory.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.conf import settings
from jobs.metrics import families, of_worker
from jobs.metrics.ledger import tell_build
from jobs.metrics.sheet import Sheet
from jobs.secret import is_shown
from jobs.worker.counts import counts
from jobs.worker.drain import Crew
from jobs.worker.listening import Answer, Listener

PATH = "/metrics"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def listen(port: int, crew: Crew, worker: Any) -> None:
    """Answer on this port.

    Raises:
        SystemExit: it cannot be had; what nobody could watch does not start.
    """
    try:
        listener = Listener(settings().WORKER_METRICS_ADDRESS, port, Telling(crew, worker).answer)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0].lower()  # `socket` repeats the address
        raise SystemExit(
            f"taskbell: JOBS_WORKER_METRICS_PORT: port {port} cannot be opened: {reason}"
        ) from None
    listener.start()


class Telling:
    """The page."""

    def __init__(self, crew: Crew, worker: Any) -> None:
        self._crew = crew
        self._worker = worker

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        own = settings()
        if path.rstrip("/") != PATH:
            return Answer(status=404, body=f"there is {PATH} alone\n".encode())
        if not is_shown(headers.get("authorization", ""), own.METRICS_TOKEN, own.METRICS_TOKEN_FILE):
            asks = {"WWW-Authenticate": "Bearer"}
            return Answer(status=401, body=b"the token that JOBS_METRICS_TOKEN sets\n", headers=asks)
        page = of_worker(self._tell, headers.get("accept", ""))
        return Answer(content_type=page.content_type, body=page.body)

    def _tell(self, sheet: Sheet) -> None:
        tell_build(sheet)
        self._tell_pool(sheet)
        self._tell_leases(sheet)
        for why, number in counts.ended.items():
            sheet.add(families.PROCESSES_ENDED, number, why)
        for what, number in counts.forced.items():
            sheet.add(families.ATTEMPTS_FORCED, number, what)
        sheet.add(families.ATTEMPTS_FENCED, self._crew.board.fenced)
        sheet.add(families.BELLS_TAKEN, counts.bells)
        sheet.add(families.MESSAGES, counts.adopted, "adopted")
        sheet.add(families.MESSAGES, counts.refused, "refused")
        sheet.add(families.DISCONNECTED, counts.disconnected)
        sheet.add(families.STOPPING, self._crew.board.stopping)

    def _tell_pool(self, sheet: Sheet) -> None:
        """The pool, and its memory. One that is dead and not reaped yet has none, and counts no more."""
        pool = getattr(self._worker, "pool", None)  # there is none yet at the very start
        sizes = [size for pid in self._worker.keeper.processes.pids() if (size := _resident(pid))]
        # While it starts it has no number, and says so as an attribute that is missing.
        sheet.add(families.SLOTS, getattr(pool, "num_processes", 0))
        sheet.add(families.SLOTS_BUSY, sum(bool(slot.holds) for slot, _ in self._crew.board.slots()))
        sheet.add(families.PROCESSES, len(sizes))
        sheet.add(families.PROCESSES_STARTED, counts.started)
        sheet.add(families.RESIDENT, _resident(self._crew.main_pid), "main")
        sheet.add(families.RESIDENT, sum(sizes), "pool")

    @staticmethod
    def _tell_leases(sheet: Sheet) -> None:
        sheet.add(families.RENEWALS, counts.renewed, "renewed")
        sheet.add(families.RENEWALS, counts.not_renewed, "failed")
        sheet.add(families.RENEWAL_AGE, time.monotonic() - counts.renewed_at)
        sheet.add(families.LEASE, settings().LEASE)
        if counts.renewal_seconds is not None:
            sheet.add(families.RENEWAL_TIME, counts.renewal_seconds)


def _resident(pid: int) -> int:
    """The bytes of memory that a process has of its own or with others; 0 where it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except OSError:
        return 0
