"""The alerts as a rule file of Prometheus, and all that is made beside it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from charts.monitoring.alert import RUNBOOKS, Alert, Group
from charts.monitoring.alerts import GROUPS
from charts.monitoring.dashboards import write as dashboards

CHART = Path(__file__).resolve().parents[1] / "taskbell"
HEAD = "# Made by `make chart` (charts/monitoring); edit charts/monitoring/alerts.py.\n"


class _Lines(str):
    """A text that has lines of its own in YAML."""

    __slots__ = ()


def _lines(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(_Lines, _lines)


def alerts_yaml() -> str:
    """`files/alerts.yaml`: what Prometheus' `rule_files` takes as it is."""
    groups = {"groups": [_group(group) for group in GROUPS]}
    return HEAD + yaml.dump(groups, Dumper=_Dumper, sort_keys=False, width=1000)


def _group(group: Group) -> dict[str, Any]:
    return {"name": group.name, "rules": [_rule(alert) for alert in group.alerts]}


def _rule(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": _Lines(f"{alert.expr.strip()}\n"),
        "for": f"{alert.for_ // timedelta(minutes=1)}m",
        "labels": {"severity": alert.severity},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook_url": f"{RUNBOOKS}/{alert.page}",
        },
    }  # fmt: skip


FILES: dict[str, Callable[[], str]] = {"files/alerts.yaml": alerts_yaml} | {
    f"files/dashboards/{name}": made for name, made in dashboards.FILES.items()
}
"""By their paths in the chart."""
