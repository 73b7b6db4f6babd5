"""What a worker's main process counts of its own life, for who watches it.

What happens to jobs is counted in the ledger, and there alone. Each number here is written by one thread;
whoever reads them sees each as it was a moment ago.
"""

import time
from dataclasses import dataclass, field

SIGNALS = ("SIGKILL", "SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE", "SIGTERM")
"""Those that have a series of their own; any other is `signal`."""
ENDS = ("recycled", "forced", "asked", "oom", "exit", *SIGNALS, "signal", "unknown")
"""Why a pool process ended: it had done its share of jobs; the platform ended what it ran; it was told to,
by whoever stops the worker; out of memory; an exit code; a signal; nobody knows."""
FORCED = ("soft_limit", "hard_limit", "cancel", "hand_back")


@dataclass(kw_only=True)
class Counts:
    """All of them rise only, but for what a renewal says."""

    bells: int = 0
    adopted: int = 0
    refused: int = 0
    """Messages of plain Celery clients."""
    disconnected: int = 0
    """Times that the connection to the broker was lost."""
    started: int = 0
    """Pool processes."""
    ended: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ENDS, 0))
    forced: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FORCED, 0))
    """What was done to attempts that would not end in time."""
    renewed: int = 0
    not_renewed: int = 0
    renewed_at: float = field(default_factory=time.monotonic)
    """The last renewal that went well, or the start; on the monotonic clock."""
    renewal_seconds: float | None = None
    """What the ledger took to answer it; None before the first."""

    def renewal(self, seconds: float) -> None:
        """The ledger has renewed the leases."""
        self.renewed += 1
        self.renewed_at, self.renewal_seconds = time.monotonic(), seconds


counts = Counts()
"""This worker's. A process that it forks has a copy, which nobody reads."""
