"""Quiet forks: the platform's own threads stand still while their process forks.

A child has none of its parent's threads but all of their locks, as they were: one that was held (by an
import, a name look-up, a connection) is held for ever, and the child waits for it for ever.
"""

import os
import threading

FORK_WAITS_SECONDS = 1.0
during_work = threading.RLock()
"""Held by a thread of the platform while it works, and by whoever forks."""
during_database = threading.Lock()
"""The same for a thread that does nothing but talk to a database. A database may hang, and then neither a
fork nor who holds `during_work`, which renews leases, may wait for it: a fork waits for a second at the most,
and then a thread that waits for its network is not likely to hold anything."""
_had_database = False


def _before() -> None:
    global _had_database  # noqa: PLW0603 - guarded by `during_work`
    had = during_database.acquire(timeout=FORK_WAITS_SECONDS)
    during_work.acquire()
    _had_database = had


def _after_in_parent() -> None:
    if _had_database:
        during_database.release()
    during_work.release()


def _after_in_child() -> None:
    if during_database.locked():  # by the forking thread, or by one that is not here
        during_database.release()
    during_work.release()


os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
