"""The documents of the external metrics API, as JSON: what it serves, a metric's values, what is wrong."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any

GROUP, VERSION = "external.metrics.k8s.io", "v1beta1"
METRIC = "taskbell_autoscale_load"
"""Jobs of a pool that wait or run."""
_MILLI = Decimal("0.001")
_PREFERRED = {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}


def groups() -> bytes:
    return _json({"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group()]})


def group() -> bytes:
    return _json({"kind": "APIGroup", "apiVersion": "v1"} | _group())


def _group() -> dict[str, Any]:
    return {"name": GROUP, "versions": [_PREFERRED], "preferredVersion": _PREFERRED}


def resources() -> bytes:
    """The one metric. Its verb is `get` alone, as with every other such server.

    Autoscalers do not look at it, and who lists all that says `list` (backups, `kubectl get` of everything)
    would find in each other namespace a resource that is not there.
    """
    metric = {"name": METRIC, "singularName": "", "namespaced": True, "kind": "ExternalMetricValueList",
              "verbs": ["get"]}  # fmt: skip
    return _json({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/{VERSION}",
        "resources": [metric],
    })  # fmt: skip


def values(loads: Iterable[tuple[Mapping[str, str], str]], at: datetime) -> bytes:
    """The metric's values: labels and quantity of each, read at that instant."""
    timestamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    items = [
        {"metricName": METRIC, "metricLabels": dict(labels), "timestamp": timestamp, "value": load}
        for labels, load in loads
    ]
    return _json({
        "kind": "ExternalMetricValueList", "apiVersion": f"{GROUP}/{VERSION}", "metadata": {}, "items": items,
    })  # fmt: skip


def quantity(value: int | Decimal) -> str:
    """A number as Kubernetes writes it: whole, or in thousandths. Rounded up: load is never hidden.

    Raises:
        ValueError: it is negative, or no number.
    """
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(f"{value} is no load")
    thousandths = int((Decimal(value) / _MILLI).to_integral_value(ROUND_CEILING))
    if thousandths < 0:
        raise ValueError(f"{value} is no load")
    whole, rest = divmod(thousandths, 1000)
    return f"{thousandths}m" if rest else str(whole)


REASONS = {
    400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed",
    406: "NotAcceptable", 413: "RequestEntityTooLarge", 500: "InternalError", 503: "ServiceUnavailable",
}  # fmt: skip


def status(code: int, message: str) -> bytes:
    """What is wrong, as every client of Kubernetes reads it."""
    return _json({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": REASONS.get(code, "Unknown"), "code": code,
    })  # fmt: skip


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"
