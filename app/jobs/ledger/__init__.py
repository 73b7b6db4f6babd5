"""Jobs in Redis: the one package that knows Redis. The ledger is the truth about every job."""

from jobs.ledger.browser import ORDERS, LiveWorker, Page, Place, Standing, WaitingTask, order_of
from jobs.ledger.client import AT_ONCE, Ledger, Ticked, ledger
from jobs.ledger.holder import Finished, Holder, HolderGone, KnownTasks
from jobs.ledger.packing import LaterFormat, is_packed, unpack
from jobs.ledger.records import (
    FINAL,
    NEXT,
    Accepted,
    Claimed,
    Counts,
    Ending,
    Load,
    Record,
    Retention,
    State,
    Submission,
    Unique,
)  # fmt: skip
from jobs.ledger.scripts import BELL_TASK
from jobs.ledger.tally import SPANS, Seen, Timed
from jobs.ledger.watch import Pulse, QueueSeen

__all__ = [
    "AT_ONCE",
    "BELL_TASK",
    "FINAL",
    "NEXT",
    "ORDERS",
    "SPANS",
    "Accepted",
    "Claimed",
    "Counts",
    "Ending",
    "Finished",
    "Holder",
    "HolderGone",
    "KnownTasks",
    "LaterFormat",
    "Ledger",
    "LiveWorker",
    "Load",
    "Page",
    "Place",
    "Pulse",
    "QueueSeen",
    "Record",
    "Retention",
    "Seen",
    "Standing",
    "State",
    "Submission",
    "Ticked",
    "Timed",
    "Unique",
    "WaitingTask",
    "is_packed",
    "ledger",
    "order_of",
    "unpack",
]
