"""Quiet forks: the platform's own threads stand still while their process forks.

A child has none of its parent's threads but all of their locks, as they were: one that was held (by an
import, a name look-up, a connection) is held for ever, and the child waits for it for ever.
"""

import os
import threading

during_work = threading.RLock()
"""Held by a thread of the platform while it works, and by whoever forks."""

os.register_at_fork(
    before=during_work.acquire, after_in_parent=during_work.release, after_in_child=during_work.release
)
