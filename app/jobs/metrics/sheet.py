"""Numbers that are told one by one, put together as Prometheus' own families."""

from datetime import timedelta

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)  # fmt: skip
from prometheus_client.utils import floatToGoString

from jobs.ledger import SPANS, Timed
from jobs.metrics.families import Family

type Labels = tuple[str, ...]
_ENDS = (*(floatToGoString(end.total_seconds()) for end in SPANS), "+Inf")


class Sheet:
    """What is told of one series more than once is added up."""

    def __init__(self) -> None:
        self._numbers: dict[Family, dict[Labels, float]] = {}
        self._timed: dict[Family, dict[Labels, Timed]] = {}

    def add(self, family: Family, number: float | timedelta, *labels: str) -> None:
        told = self._numbers.setdefault(family, {})
        told[labels] = told.get(labels, 0) + _number(number)

    def most(self, family: Family, number: float | timedelta, *labels: str) -> None:
        """As `add`, but that the largest stands."""
        told = self._numbers.setdefault(family, {})
        told[labels] = max(told.get(labels, 0), _number(number))

    def least(self, family: Family, number: float, *labels: str) -> None:
        """As `add`, but that the smallest stands."""
        told = self._numbers.setdefault(family, {})
        told[labels] = min(told.get(labels, number), number)

    def time(self, family: Family, timed: Timed, *labels: str) -> None:
        told = self._timed.setdefault(family, {})
        told[labels] = told.get(labels, Timed()) + timed

    def families(self) -> list[Metric]:
        """Each family that something was told of."""
        return [
            *(_numbers(family, told) for family, told in self._numbers.items()),
            *(_histogram(family, told) for family, told in self._timed.items()),
        ]


def _number(number: float | timedelta) -> float:
    return number.total_seconds() if isinstance(number, timedelta) else number


def _numbers(family: Family, told: dict[Labels, float]) -> Metric:
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    made = kind(family.name, family.help, labels=family.labels)
    for labels, number in told.items():
        made.add_metric(labels, number)
    return made


def _histogram(family: Family, told: dict[Labels, Timed]) -> Metric:
    made = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    for labels, timed in told.items():
        made.add_metric(labels, _buckets(timed), timed.sum.total_seconds())
    return made


def _buckets(timed: Timed) -> list[tuple[str, float]]:
    buckets: list[tuple[str, float]] = []
    below = 0
    for end, times in zip(_ENDS, timed.spans, strict=True):
        below += times
        buckets.append((end, below))
    return buckets
