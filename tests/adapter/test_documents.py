"""Numbers and documents as Kubernetes writes them."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from jobs.adapter import documents


@pytest.mark.parametrize(
    ("load", "written"),
    [
        (0, "0"), (12, "12"), (10**12, "1000000000000"), (Decimal("1.5"), "1500m"), (Decimal("2.0"), "2"),
        (Decimal("0.0001"), "1m"), (Decimal("1.0001"), "1001m"), (Decimal("1E+3"), "1000"),
    ],
)  # fmt: skip
def test_a_quantity_is_whole_or_in_thousandths_and_never_less(load, written):
    assert documents.quantity(load) == written


@pytest.mark.parametrize("load", [-1, Decimal("-0.5"), Decimal("nan"), Decimal("inf")])
def test_a_load_is_a_number_from_zero_up(load):
    with pytest.raises(ValueError, match="is no load"):
        documents.quantity(load)


def test_values_say_when_they_were_read_in_utc():
    at = datetime(2026, 11, 23, 7, 0, 5, 900_000, tzinfo=timezone(timedelta(hours=2)))
    read = json.loads(documents.values([({"pool": "default"}, "3")], at))
    assert read["items"] == [
        {
            "metricName": "taskbell_autoscale_load", "metricLabels": {"pool": "default"},
            "timestamp": "2026-11-23T05:00:05Z", "value": "3",
        }
    ]  # fmt: skip
    assert datetime.fromisoformat(read["items"][0]["timestamp"]).tzinfo == UTC
    assert (read["kind"], read["apiVersion"]) == (
        "ExternalMetricValueList",
        "external.metrics.k8s.io/v1beta1",
    )
