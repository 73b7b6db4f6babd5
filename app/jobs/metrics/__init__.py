"""What can be watched, as Prometheus reads it: the ledger's counters and queues, requests, workers."""

from jobs.metrics.page import Page, of_ledger, of_process, of_worker
from jobs.metrics.requests import Timing, named_route

__all__ = ["Page", "Timing", "named_route", "of_ledger", "of_process", "of_worker"]
