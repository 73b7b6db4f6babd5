"""Quiet forks: the platform's own threads stand still while their process forks, and nobody writes a log.

A child has none of its parent's threads but all of their locks, as they were: one that was held (by an
import, a name look-up, a connection, a stream that is written to) is held for ever, and the child waits for
it for ever. Python gives the child new locks for its log's handlers, but none for the streams below them.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator

FORK_WAITS_SECONDS = 1.0
during_work = threading.RLock()
"""Held by a thread of the platform while it works, and by whoever forks."""
during_database = threading.Lock()
"""The same for a thread that does nothing but talk to a database. A database may hang, and then neither a
fork nor who holds `during_work`, which renews leases, may wait for it: a fork waits for a second at the most,
and then a thread that waits for its network is not likely to hold anything."""
during_answers = threading.Lock()
"""The same for a thread that waits for nobody: what it answers does not wait for Redis, as `during_work` may.
Whoever holds it takes neither of the others."""
_had_database = False
_silenced: list[logging.Handler] = []
"""Handlers whose lock the forking thread has: no thread is writing to their streams."""


def _before() -> None:
    global _had_database  # noqa: PLW0603 - guarded by `during_work`
    had = during_database.acquire(timeout=FORK_WAITS_SECONDS)
    during_work.acquire()
    during_answers.acquire()
    _had_database = had
    until = time.monotonic() + FORK_WAITS_SECONDS  # whoever reads the log may hang
    _silenced.extend(
        each
        for each in _handlers()
        if each.lock and each.lock.acquire(timeout=max(0, until - time.monotonic()))
    )


def _handlers() -> Iterator[logging.Handler]:
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    found = [each for logger in loggers if isinstance(logger, logging.Logger) for each in logger.handlers]
    yield from dict.fromkeys(found)


def _after_in_parent() -> None:
    while _silenced:
        _silenced.pop().release()
    during_answers.release()
    if _had_database:
        during_database.release()
    during_work.release()


def _after_in_child() -> None:
    _silenced.clear()  # their locks are new here, and free
    during_answers.release()
    if during_database.locked():  # by the forking thread, or by one that is not here
        during_database.release()
    during_work.release()


os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
