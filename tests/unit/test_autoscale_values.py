"""What the simulator reads of a user's values, over the chart's own."""

import pytest

from bench.autoscale.behavior import DOWN, UP, Behavior, Policy, WrongValue, behavior
from bench.autoscale.values import chart_pool, users_pool
from charts.model.scaling import STEADY
from charts.model.worker import Pool as ChartsPool


@pytest.fixture
def values(tmp_path):
    """Write a file of values; gives its path."""

    def write(text):
        path = tmp_path / "my-values.yaml"
        path.write_text(text)
        return path

    return write


def test_what_is_not_said_is_the_charts_own():
    found, chart = chart_pool(), ChartsPool()
    assert (found.concurrency, found.least, found.most) == (
        chart.concurrency, chart.autoscaling.minReplicas, chart.autoscaling.maxReplicas,
    )  # fmt: skip
    assert found.behavior == behavior(STEADY)
    assert found.cpu_target == chart.autoscaling.targetCPUUtilizationPercentage
    assert (found.cpu_request, found.target) == (250, 0.8 * found.concurrency)
    assert found.shutdown_seconds == chart.shutdown.seconds


def test_a_file_changes_what_it_says_and_nothing_else(values):
    found = users_pool(values("""
worker:
  concurrency: 8
  resources: {requests: {cpu: "1.5"}}
  autoscaling:
    maxReplicas: 40
    behavior: {scaleDown: {stabilizationWindowSeconds: 60, selectPolicy: Min}}
"""))  # fmt: skip
    chart = chart_pool()
    assert (found.name, found.concurrency, found.cpu_request) == ("my-values", 8, 1500)
    assert (found.least, found.most, found.target) == (chart.least, 40, 6.4)
    assert (found.behavior.down.window, found.behavior.down.select) == (60, "Min")
    assert found.behavior.down.policies == chart.behavior.down.policies
    assert found.behavior.up == chart.behavior.up


def test_an_empty_file_says_nothing(values):
    assert users_pool(values("")).behavior == chart_pool().behavior


def test_null_takes_away_what_the_chart_says(values):
    found = users_pool(values("worker: {resources: {requests: {cpu: null}}, autoscaling: {behavior: null}}"))
    assert found.cpu_request is None
    assert found.behavior == Behavior(up=UP, down=DOWN)


def test_a_pool_has_what_it_says_over_what_all_pools_have(values):
    path = values("""
worker:
  concurrency: 2
  autoscaling: {targetUtilizationPercentage: 250}
  pools: {mail: {autoscaling: {maxReplicas: 3}}}
""")
    assert (users_pool(path).most, users_pool(path, "mail").most) == (10, 3)
    assert (users_pool(path, "mail").concurrency, users_pool(path, "mail").target) == (2, 5)
    with pytest.raises(WrongValue, match=r"^worker\.pools\.post: there is no such pool$"):
        users_pool(path, "post")


def test_a_policy_is_read_as_kubernetes_has_it():
    found = behavior({"scaleUp": {"policies": [{"type": "Pods", "value": 3, "periodSeconds": 30}]}})
    assert found.up.policies == (Policy(kind="Pods", value=3, period=30),)
    assert (found.up.window, found.down) == (0, DOWN)


SCALING = "worker.autoscaling"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[", "is no YAML: "),
        ("- worker", "is no mapping"),
        ("worker: 3", "worker: is no mapping"),
        ("worker: {concurrency: 0}", "worker.concurrency: 0 is no whole number of 1 or more"),
        ("worker: {concurrency: true}", "worker.concurrency: True is no whole number"),
        (
            "worker: {shutdown: {seconds: 1.5}}",
            "worker.shutdown.seconds: 1.5 is no whole number of 1 or more",
        ),
        ("worker: {autoscaling: {minReplicas: 0}}", f"{SCALING}.minReplicas: 0 is no whole number"),
        (
            "worker: {autoscaling: {minReplicas: 20}}",
            f"{SCALING}.maxReplicas: 10 is no whole number of 20 or",
        ),
        (
            "worker: {autoscaling: {targetUtilizationPercentage: 0}}",
            f"{SCALING}.targetUtilizationPercentage: 0",
        ),
        (
            "worker: {resources: {requests: {cpu: much}}}",
            "worker.resources.requests.cpu: 'much' is no number",
        ),
        ("worker: {resources: {requests: {cpu: 0}}}", "worker.resources.requests.cpu: 0 is no number"),
        ("worker: {autoscaling: {behavior: {scaleup: {}}}}", f"{SCALING}.behavior.scaleup: there is no such"),
        (
            "worker: {autoscaling: {behavior: {scaleUp: {stabilizationWindowSeconds: 3601}}}}",
            f"{SCALING}.behavior.scaleUp.stabilizationWindowSeconds: 3601 is no whole number from 0 to 3600",
        ),
        (
            "worker: {autoscaling: {behavior: {scaleUp: {selectPolicy: Most}}}}",
            f"{SCALING}.behavior.scaleUp.selectPolicy: 'Most' is none of Max, Min, Disabled",
        ),
        (
            "worker: {autoscaling: {behavior: {scaleUp: {policies: []}}}}",
            f"{SCALING}.behavior.scaleUp.policies: is no list of at least one policy",
        ),
        (
            "worker: {autoscaling: {behavior: {scaleDown: {policies: [{type: Nodes}]}}}}",
            f"{SCALING}.behavior.scaleDown.policies[0].type: 'Nodes' is neither Pods nor Percent",
        ),
        (
            "worker: {autoscaling: {behavior: {scaleDown: {policies: [{type: Pods, value: 1}]}}}}",
            f"{SCALING}.behavior.scaleDown.policies[0].periodSeconds: None is no whole number from 1 to 1800",
        ),
        (
            "worker: {autoscaling: {behavior: {scaleDown: {tolerance: little}}}}",
            f"{SCALING}.behavior.scaleDown.tolerance: 'little' is no share from 0 to 1",
        ),
    ],
)
def test_what_kubernetes_would_refuse_is_refused_by_name(text, told, values):
    path = values(text)
    with pytest.raises(WrongValue) as wrong:
        users_pool(path)
    assert str(path) in str(wrong.value)
    assert told in str(wrong.value)
    assert "\n" not in str(wrong.value)
