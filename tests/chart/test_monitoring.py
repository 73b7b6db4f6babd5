"""What tells Prometheus and Grafana of an installation."""

import json

import pytest
import yaml

from tests.chart.rendering import CHART, Manifest, one, pods, render

pytestmark = pytest.mark.chart
ON = ("--values", str(CHART / "ci" / "monitoring-values.yaml"))
KINDS = ("ServiceMonitor", "PodMonitor", "PrometheusRule")


def selects(manifest: Manifest, labels: dict[str, str]) -> bool:
    return bool(manifest["spec"]["selector"]["matchLabels"].items() <= labels.items())


def test_nothing_of_the_operator_s_is_made_unless_it_is_asked_for():
    assert [each["kind"] for each in render() if each["kind"] in KINDS] == []


def test_one_service_of_one_pod_tells_of_the_ledger():
    found = render(*ON)
    monitor = one(found, "ServiceMonitor", "taskbell-metrics")
    [service] = [
        each for each in found if each["kind"] == "Service" and selects(monitor, each["metadata"]["labels"])
    ]
    [endpoint] = monitor["spec"]["endpoints"]
    assert endpoint["path"] == "/metrics/ledger"
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    deployment = one(found, "Deployment", service["metadata"]["name"])
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]["type"]) == (1, "Recreate")


def test_a_pod_monitor_s_port_is_the_pods():
    found = render(*ON)
    for name in ("taskbell-api", "taskbell-worker", "taskbell-metrics-adapter"):
        monitor = one(found, "PodMonitor", name)
        [endpoint] = monitor["spec"]["podMetricsEndpoints"]
        chosen = [pod for pod in pods(found).values() if selects(monitor, pod["metadata"]["labels"])]
        assert len(chosen) == 1
        ports = [port["name"] for port in chosen[0]["spec"]["containers"][0]["ports"]]
        assert endpoint["port"] in ports


def test_what_the_operator_and_grafana_look_for_is_on_them():
    found = render(*ON, "--set", "metrics.dashboards.annotations.grafana_folder=taskbell")
    for manifest in found:
        if manifest["kind"] in KINDS:
            assert manifest["metadata"]["labels"]["release"] == "prometheus"
    boards = [each for each in found if "grafana_dashboard" in each["metadata"]["labels"]]
    files = sorted(path.name for path in (CHART / "files" / "dashboards").glob("*.json"))
    assert sorted(name for board in boards for name in board["data"]) == files
    for board in boards:
        [text] = board["data"].values()
        assert json.loads(text)["panels"]
        assert board["metadata"]["annotations"]["grafana_folder"] == "taskbell"


def test_the_rules_are_the_plain_file_s():
    rules = one(render(*ON), "PrometheusRule", "taskbell")
    assert rules["spec"] == yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())


def test_a_runbook_is_where_the_values_say():
    rules = one(render(*ON, "--set", "metrics.rules.runbookUrl=https://wiki/x"), "PrometheusRule", "taskbell")
    told = [
        each["annotations"]["runbook_url"] for group in rules["spec"]["groups"] for each in group["rules"]
    ]
    assert len(told) > 10
    assert all(url.startswith("https://wiki/x/") for url in told)


def test_without_the_pod_nothing_asks_for_it():
    found = render(*ON, "--set", "metrics.enabled=false")
    assert not [each for each in found if each["metadata"]["name"] == "taskbell-metrics"]
    assert one(found, "PodMonitor", "taskbell-api")
