"""What an alert is, and how the expressions of this package are written.

**Labels.** One Prometheus may read several installations. What tells them apart is in the labels of their
targets, and which those are (`namespace`, `job`, `cluster`, `instance`) is up to whoever scrapes. So no
expression but two names a target's labels with `by` or `on`: series are matched on all labels but the
metric's own (`ignoring`), and added up over the metric's own alone (`without`). An alert thus has all labels
of its target, and one installation's numbers never hide another's. The price: when the target changes, such
as to another pod, an alert begins anew. `TaskbellLedgerNotRead` alone looks past the pod: it asks for what is
gone.

Two hold a worker's numbers against the ledger's, which are another target's: `TaskbellPoolProcessesDie` and
`TaskbellWorkerOutOfReach` match them `on (namespace)`, all that they share. So of two installations in one
namespace, or without any, one's lost attempts or lost Redis can keep the other's alert from firing.

**Counters.** A series may begin above 0: a task's with its first jobs, a refusal's with the first. What it
begins with is no increase; `rose` sees it.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

RUNBOOKS = "https://taskbell.example/docs/runbooks"
"""Where docs/runbooks is published. The name is reserved, as the project has no address yet."""


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alert of Prometheus."""

    name: str
    expr: str
    for_: timedelta
    """How long the expression holds before it fires."""
    severity: Literal["critical", "warning"]
    """Critical: jobs stand still, or may be lost. Warning: somebody should look the same day."""
    summary: str
    description: str
    """May have Prometheus' templates: `{{ $labels.queue }}`, `{{ $value }}`."""

    @property
    def page(self) -> str:
        """The name of its runbook in docs/runbooks: `taskbell-no-workers.md`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", self.name).lower() + ".md"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Alerts that Prometheus evaluates together."""

    name: str
    alerts: tuple[Alert, ...]


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def rose(
    series: str,
    span: str,
    *own: str,
    by: Literal["increase", "delta"] = "increase",
    there: str = "taskbell_ledger_up",
) -> str:
    """By how much each series rose in this span; one that began in it, by all that it has.

    It began in it if its target was read before, and did not tell of it: a target that is new itself has
    numbers that rose long ago.

    Args:
        series: a metric, with a selector where there is one.
        span: as PromQL has it: `30m`.
        own: the metric's own labels, and those of `there`.
        by: `increase` of a counter, `delta` of a gauge.
        there: what the target always tells, as 1.
    """
    return f"""(
    ({series} unless {series} offset {span})
      and ignoring ({", ".join(own)}) {there} offset {span} == 1
    or {by}({series}[{span}])
  )"""
