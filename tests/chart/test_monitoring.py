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


READ = {"ServiceMonitor/taskbell-metrics", "PodMonitor/taskbell-api", "PodMonitor/taskbell-worker"}
ASKING = {"Deployment/taskbell-api", "Deployment/taskbell-metrics", "Deployment/taskbell-worker-default"}
VALUE = ("--set", "metrics.token.value=hello")
EXISTING = (
    "--set", "metrics.token.existingSecret=mine", "--set", "metrics.token.existingSecretKey=of-metrics",
)  # fmt: skip


def shown(found: list[Manifest]) -> dict[str, Manifest]:
    """What each monitor's reader shows, of those that show something."""
    return {
        f"{each['kind']}/{each['metadata']['name']}": endpoint["authorization"]
        for each in found
        if each["kind"] in KINDS
        for endpoint in each["spec"].get("endpoints", each["spec"].get("podMetricsEndpoints", []))
        if "authorization" in endpoint
    }


def asked(found: list[Manifest]) -> dict[str, Manifest]:
    """The Secrets of the files by which the pods ask for a token."""
    at = {"name": "JOBS_METRICS_TOKEN_FILE", "value": "/run/secrets/taskbell/metrics-token"}
    sources = {}
    for name, pod in pods(found).items():
        if at in pod["spec"]["containers"][0].get("env", []):
            [files] = [each for each in pod["spec"]["volumes"] if each["name"] == "secrets"]
            [sources[name]] = [
                each["secret"]
                for each in files["projected"]["sources"]
                if each["secret"]["items"][0]["path"] == "metrics-token"
            ]
    return sources


def test_no_token_is_asked_for_or_shown_unless_there_is_one():
    found = render(*ON)
    assert (asked(found), shown(found)) == ({}, {})


@pytest.mark.parametrize(("values", "secret", "key"), [
    (VALUE, "taskbell", "metrics-token"), (EXISTING, "mine", "of-metrics"),
    ((*VALUE, *EXISTING), "mine", "of-metrics"),
])  # fmt: skip
def test_the_token_that_the_pods_ask_for_is_the_one_that_the_monitors_show(values, secret, key):
    found = render(*ON, *values)
    shows = {"credentials": {"name": secret, "key": key}}
    assert shown(found) == dict.fromkeys(READ, shows)
    asks = {"name": secret, "items": [{"key": key, "path": "metrics-token"}]}
    assert asked(found) == dict.fromkeys(ASKING, asks)
    made = one(found, "Secret", "taskbell")["data"]
    assert made.get("metrics-token") == ("aGVsbG8=" if secret == "taskbell" else None)


FEW = [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]
NONE: list[Manifest] = []
WATCHED = {"metrics.monitors.enabled": True}


@pytest.mark.parametrize(("values", "readers"), [
    ({}, None),
    ({"metrics.network.ingressFrom": FEW}, None),
    ({"metrics.network.workersFrom": FEW}, FEW),
    (WATCHED | {"metrics.network.ingressFrom": FEW}, FEW),
    (WATCHED | {"metrics.network.workersFrom": FEW}, FEW),
    (WATCHED | {"metrics.network.ingressFrom": NONE}, None),
])  # fmt: skip
def test_a_worker_s_metrics_are_read_by_those_who_may_and_nothing_else_of_it(values, readers):
    policy = one(render(values=values), "NetworkPolicy", "taskbell-worker-default")
    wanted = readers and [{"from": readers, "ports": [{"port": "metrics"}]}]
    assert policy["spec"].get("ingress") == wanted


def test_everybody_in_the_cluster_may_be_among_a_worker_s_readers():
    for name, value in (("metrics.monitors.enabled", True), ("metrics.network.workersFrom", [{}])):
        policy = one(render(values={name: value}), "NetworkPolicy", "taskbell-worker-default")
        assert policy["spec"]["ingress"] == [{"ports": [{"port": "metrics"}]}]
