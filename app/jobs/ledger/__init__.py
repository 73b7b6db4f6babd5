"""Jobs in Redis: the one package that knows Redis. The ledger is the truth about every job."""

from jobs.ledger.client import Ledger, Ticked, ledger
from jobs.ledger.holder import Finished, Holder, HolderGone, KnownTasks
from jobs.ledger.records import (
    FINAL,
    NEXT,
    Accepted,
    Claimed,
    Counts,
    Ending,
    Record,
    Retention,
    State,
    Submission,
    Unique,
)  # fmt: skip
from jobs.ledger.scripts import BELL_TASK

__all__ = [
    "BELL_TASK", "FINAL", "NEXT", "Accepted", "Claimed", "Counts", "Ending", "Finished", "Holder",
    "HolderGone", "KnownTasks", "Ledger", "Record", "Retention", "State", "Submission", "Ticked", "Unique",
    "ledger",
]  # fmt: skip
