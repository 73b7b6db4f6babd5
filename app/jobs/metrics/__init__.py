"""What can be watched, as Prometheus reads it: the ledger's counters and queues, requests, workers."""

from jobs.metrics.page import Page, of_ledger, of_process, of_worker
from jobs.metrics.requests import Timing

__all__ = ["Page", "Timing", "of_ledger", "of_process", "of_worker"]
