"""The run's own books: what was submitted, what was answered, and when."""

import threading
from dataclasses import dataclass

from jobs.chaos.kinds import Planned


@dataclass(kw_only=True)
class Entry:
    """One planned job. Instants are nanoseconds of this machine's monotonic clock."""

    planned: Planned
    first_sent: int
    accepted: int | None = None
    """When the answer that accepts it was read."""
    task_id: str = ""
    in_doubt: int = 0
    """Submits of it that were not answered, or with an error: they may have gone through."""


class Books:
    """Written by many threads."""

    def __init__(self) -> None:
        self.revoked: dict[str, int] = {}
        """Jobs of which a cancel was answered that it ended them, and when that was read."""
        self._entries: dict[int, Entry] = {}
        self._accepted = 0
        self._lock = threading.Lock()

    def sent(self, planned: Planned, at: int) -> Entry:
        """It is submitted, for the first time or again."""
        with self._lock:
            entry = self._entries.get(planned.serial)
            if entry is None:
                entry = Entry(planned=planned, first_sent=at)
                self._entries[planned.serial] = entry
            return entry

    def answered(self, entry: Entry, task_id: str, at: int) -> None:
        """It is accepted."""
        with self._lock:
            entry.task_id, entry.accepted = task_id, at
            self._accepted += 1

    @property
    def accepted(self) -> int:
        return self._accepted

    @property
    def entries(self) -> dict[int, Entry]:
        """By serial."""
        with self._lock:
            return dict(self._entries)
