"""The pages that Prometheus reads, in the form that it asks for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.conf import settings
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from jobs.metrics.ledger import OfLedger, tell_build
from jobs.metrics.sheet import Sheet


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page, and what it is written in."""

    content_type: str
    body: bytes


def of_ledger(accept: str) -> Page:
    """The whole ledger. One target alone is to be asked for it."""
    return _page(OfLedger(), accept)


def of_process(accept: str) -> Page:
    """What this process and its siblings of one gunicorn counted: requests, and metrics of the user's own."""
    return _page(_OfProcess(), accept)


def of_worker(tell: Callable[[Sheet], None], accept: str) -> Page:
    """What one worker tells of itself."""
    return _page(_Told(tell), accept)


def _page(collector: Collector, accept: str) -> Page:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    encode, content_type = choose_encoder(accept)
    return Page(content_type=content_type, body=encode(registry))


class _Told(Collector):
    def __init__(self, tell: Callable[[Sheet], None]) -> None:
        self._tell = tell

    def collect(self) -> Iterator[Metric]:
        sheet = Sheet()
        self._tell(sheet)
        return iter(sheet.families())


class _OfProcess(Collector):
    def collect(self) -> Iterator[Metric]:
        siblings = settings.PROMETHEUS_MULTIPROC_DIR
        counted = MultiProcessCollector(None, siblings) if siblings else REGISTRY
        sheet = Sheet()
        tell_build(sheet)
        return iter(sorted([*counted.collect(), *sheet.families()], key=lambda each: each.name))
