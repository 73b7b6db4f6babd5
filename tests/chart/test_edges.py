"""Values that are legal and unusual."""

import base64
import json
import re
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.chart.rendering import CHART, PRESETS, Manifest, one, pods, render, template, tool

pytestmark = pytest.mark.chart
GITOPS, PRODUCTION = (
    next(path for path in PRESETS if path.name.startswith(name)) for name in ("gitops", "production")
)
RIGHTS = {"ClusterRole", "ClusterRoleBinding", "RoleBinding"}
"""Their names may be as long as a host's."""


def env_of(pod: Manifest) -> dict[str, Any]:
    found = pod["spec"]["containers"][0]["env"]
    assert len({each["name"] for each in found}) == len(found)
    return {each["name"]: each.get("value") for each in found}


def names_of(pod: Manifest) -> set[str]:
    return {each["name"] for each in pod["spec"]["containers"][0].get("env", [])}


def test_of_a_variable_that_is_set_twice_the_nearer_one_counts():
    found = pods(render(values={
        "pod.env": [{"name": "TZ", "value": "UTC"}, {"name": "LOG_LEVEL", "value": "DEBUG"}],
        "worker.pod.env": [{"name": "TZ", "value": "CET"}],
        "worker.pools.slow.pod": {"env": [{"name": "TZ", "value": "EET"}]},
        "flower.options": {"MAX_TASKS": 1_000_000},
    }))  # fmt: skip
    zones = {
        name: env_of(pod)["TZ"] for name, pod in found.items() if "redis" not in name and "test" not in name
    }
    assert zones == {
        "Deployment/taskbell-api": "UTC", "Deployment/taskbell-flower": "UTC",
        "Deployment/taskbell-worker-default": "CET", "Deployment/taskbell-worker-slow": "EET",
        "Deployment/taskbell-metrics-adapter": "UTC", "Deployment/taskbell-controller": "UTC",
        "Deployment/taskbell-metrics": "UTC",
    }  # fmt: skip
    assert env_of(found["Deployment/taskbell-api"])["LOG_LEVEL"] == "DEBUG"
    assert env_of(found["Deployment/taskbell-flower"])["FLOWER_MAX_TASKS"] == "1000000"


def test_what_all_pools_mount_and_what_one_mounts_come_together():
    volume: Manifest = {"emptyDir": {}}
    found = pods(render(values={
        "worker.pod": {
            "volumes": [{"name": "models"} | volume],
            "volumeMounts": [{"name": "models", "mountPath": "/m"}],
        },
        "worker.pools.slow.pod": {"volumes": [{"name": "cache"} | volume]},
        "pod.imagePullSecrets": ["a"], "worker.pod.imagePullSecrets": ["a", "b"],
    }))["Deployment/taskbell-worker-slow"]  # fmt: skip
    assert {"models", "cache"} <= {each["name"] for each in found["spec"]["volumes"]}
    assert "/m" in {each["mountPath"] for each in found["spec"]["containers"][0]["volumeMounts"]}
    assert found["spec"]["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]


def test_large_numbers_stay_numbers():
    found = render(values={
        "config.jobs": {"BODY_LIMIT_BYTES": 20_971_520, "LEASE_SECONDS": 30, "MEMORY_GUARD": 0.85},
        "redis.config": {"repl-backlog-size": 104_857_600, "notify-keyspace-events": ""},
    })  # fmt: skip
    env = env_of(pods(found)["Deployment/taskbell-api"])
    assert (env["JOBS_BODY_LIMIT_BYTES"], env["JOBS_LEASE_SECONDS"], env["JOBS_MEMORY_GUARD"]) == (
        "20971520", "30", "0.85",
    )  # fmt: skip
    config = one(found, "ConfigMap", "taskbell-redis")["data"]["redis.conf"].splitlines()
    assert {"repl-backlog-size 104857600", 'notify-keyspace-events ""'} <= set(config)


@pytest.mark.parametrize("release", ["my.app", "a-release-with-a-name-that-is-as-long-as-may-be-yes", "on"])
def test_every_object_is_valid_whatever_the_release_and_its_pools_are_called(release):
    pools = {"worker.pools": {"1": {}, "on": {}, "2e3": {"queues": ["1"]}}, "commonLabels": {"team": "1"}}
    for manifest in render("--values", PRODUCTION, values=pools, release=release):
        kubernetes_validate.validate(manifest, "1.34", strict=True)
        if manifest["kind"] in RIGHTS or manifest["kind"] == "APIService":
            continue
        most = 52 if manifest["kind"] == "CronJob" else 63
        assert len(manifest["metadata"]["name"]) <= most
        assert "." not in manifest["metadata"]["name"]


def test_a_label_is_there_once_and_the_nearer_one_counts():
    values = {
        "commonLabels": {"team": "a", "app.kubernetes.io/part-of": "suite"},
        "worker.pod.labels": {"team": "b"},
    }
    args = [part for key, value in values.items() for part in ("--set-json", f"{key}={json.dumps(value)}")]
    found = list(yaml.load_all(template(*args), Loader=Strict))
    worker = one(found, "Deployment", "taskbell-worker-default")
    assert worker["metadata"]["labels"]["app.kubernetes.io/part-of"] == "suite"
    assert worker["spec"]["template"]["metadata"]["labels"]["team"] == "b"


class Strict(yaml.SafeLoader):
    """Refuses a key that is there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        assert len(set(keys)) == len(keys), f"twice: {keys}"
        return super().construct_mapping(node, deep=deep)


def test_what_a_pool_sets_to_null_it_does_not_have():
    found = render(values={
        "worker.resources.limits.cpu": 2,
        "worker.pools": {"default": {}, "free": {"resources": {"limits": {"cpu": None}}}},
    })  # fmt: skip
    limits = {
        pool: pods(found)[f"Deployment/taskbell-worker-{pool}"]["spec"]["containers"][0]["resources"][
            "limits"
        ]
        for pool in ("default", "free")
    }
    assert limits["default"]["cpu"] == 2
    assert "cpu" not in limits["free"]


def test_what_waits_for_the_migrations_sees_what_the_pod_sees():
    found = pods(render(values={
        "database.url.value": "postgres://db/x", "pod.env": [{"name": "A", "value": "1"}],
        "pod.envFrom": [{"secretRef": {"name": "mine"}}],
        "pod.containers": [{"name": "beside", "image": "x"}],
    }))  # fmt: skip
    [waits] = found["Deployment/taskbell-api"]["spec"]["initContainers"]
    assert waits["envFrom"] == [{"secretRef": {"name": "mine"}}]
    assert {"name": "A", "value": "1"} in waits["env"]
    [job] = [pod for name, pod in found.items() if name.startswith("Job/taskbell-migrate")]
    assert len(job["spec"]["containers"]) == 1, "a Job with a container beside it never ends"


def test_an_ingress_leads_to_a_port_of_the_api_s_service_over_tls():
    found = render("--values", PRODUCTION)
    ingress = one(found, "Ingress", "taskbell-api")["spec"]
    [rule], [tls] = ingress["rules"], ingress["tls"]
    [path] = rule["http"]["paths"]
    led = path["backend"]["service"]
    ports = one(found, "Service", led["name"])["spec"]["ports"]
    assert led["port"]["name"] in [port["name"] for port in ports]
    assert (path["path"], path["pathType"]) == ("/api/", "Prefix")
    assert rule["host"] in tls["hosts"]


def test_a_route_of_the_gateway_api_leads_to_a_port_of_the_api_s_service():
    """Its schema is not Kubernetes' own: this is all of it that is used."""
    found = render("--values", GITOPS)
    route = one(found, "HTTPRoute", "taskbell-api")
    [rule] = route["spec"].pop("rules")
    [led] = rule["backendRefs"]
    [port] = one(found, "Service", led["name"])["spec"]["ports"]
    assert led == {"name": "taskbell-api", "port": port["port"]}
    assert route["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert route["spec"] == {
        "parentRefs": [{"name": "public", "namespace": "gateways"}], "hostnames": ["jobs.example.com"],
    }  # fmt: skip


def test_helm_test_reaches_an_api_that_few_may_reach():
    few = [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}]
    policy = one(render(values={"api.network.ingressFrom": few}), "NetworkPolicy", "taskbell-api")
    [rule] = policy["spec"]["ingress"]
    assert few[0] in rule["from"]
    assert {"test"} == {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for peer in rule["from"] if "podSelector" in peer
    }  # fmt: skip


def test_an_object_that_is_no_text_is_installed_as_it_is():
    rule = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x"},
        "data": {"a": "{{ $labels.pod }}"},
    }
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-y'}"
    found = render(values={"extraObjects": [rule, text]})
    assert one(found, "ConfigMap", "x") == rule
    assert one(found, "ConfigMap", "taskbell-y")


def test_a_former_password_works_for_longer_than_any_worker_takes_to_end():
    def script(**values: Any) -> str:
        pod = pods(render(values=values))["StatefulSet/taskbell-redis"]
        return str(pod["spec"]["containers"][0]["command"][2])

    assert "sleep 900\n" in script()
    pools = {"default": {}, "slow": {"shutdown": {"seconds": 3600}}}
    assert "sleep 3900\n" in script(**{"worker.pools": pools})
    assert "sleep 0\n" in script(**{"redis.passwordOverlapSeconds": 0})


def test_flower_wants_a_login_that_is_generated_given_or_there():
    def login(**values: Any) -> tuple[Any, Any]:
        """What the chart's own Secret says it is, and the Secret that Flower reads it from."""
        found = render(values=values)
        own = one(found, "Secret", "taskbell")["data"].get("flower-auth")
        pod = pods(found)["Deployment/taskbell-flower"]
        assert env_of(pod)["FLOWER_BASIC_AUTH_FILE"] == "/run/secrets/taskbell/flower-auth"
        [read] = [
            each["secret"]["name"]
            for volume in pod["spec"]["volumes"]
            for each in volume.get("projected", {}).get("sources", [])
            if any(item["path"] == "flower-auth" for item in each["secret"]["items"])
        ]
        return own and base64.b64decode(own).decode(), read

    generated, read = login()
    assert re.fullmatch(r"admin:\w{32}", generated)
    assert read == "taskbell"
    assert login(**{"flower.auth.value": "me:word"}) == ("me:word", "taskbell")
    assert login(**{"flower.auth.existingSecret": "mine"}) == (None, "mine")


def test_flower_is_probed_under_its_prefix():
    found = pods(render(values={"flower.options": {"URL_PREFIX": "/flower/"}}))["Deployment/taskbell-flower"]
    probe = found["spec"]["containers"][0]["startupProbe"]["httpGet"]
    assert probe["path"] == "/flower/healthcheck"


@pytest.mark.parametrize(("args", "left"), [
    ((), "Secret taskbell with the generated passwords, volume claim data-taskbell-redis-0"),
    (("--values", GITOPS), "volume claim data-taskbell-redis-0"),
])  # fmt: skip
def test_the_notes_tell_what_an_uninstall_leaves(args, left):
    done = tool("helm", "install", "taskbell", CHART, "--dry-run=client", *args)
    assert f"An uninstall leaves: {left}.\n" in done.stdout, done.stderr


@pytest.mark.parametrize(("args", "shutdown"), [
    (["--time-limit=600"], {"seconds": 601}),
    (["--time-limit", "3600"], {"profile": "bounded", "seconds": 60}),
    (["--soft-time-limit=3600"], {"seconds": 600}),
])  # fmt: skip
def test_a_pod_that_ends_may_take_longer_than_a_job_or_hands_it_back(args, shutdown):
    assert render(values={"worker.args": args, "worker.shutdown": shutdown})


def test_the_chart_has_no_value_of_a_setting_that_the_platform_has_not():
    with pytest.raises(AssertionError, match="LEASE_SECONDS"):
        render(values={"config.jobs": {"LEASE": 30}})


def test_traces_are_sent_by_api_and_workers_and_the_network_lets_them_to_the_collector_alone():
    plain, found = (
        render(values=values) for values in ({}, {"tracing.endpoint": "http://otel.observability:4318"})
    )
    assert not [name for pod in pods(plain).values() for name in names_of(pod) if name.startswith("OTEL_")]
    traced = {name: env_of(pod) for name, pod in pods(found).items() if "OTEL_SERVICE_NAME" in names_of(pod)}
    assert {name: env["OTEL_SERVICE_NAME"] for name, env in traced.items()} == {
        "Deployment/taskbell-api": "taskbell-api",
        "Deployment/taskbell-worker-default": "taskbell-worker",
    }
    api = traced["Deployment/taskbell-api"]
    assert api["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://otel.observability:4318"
    assert "OTEL_TRACES_SAMPLER" not in api
    opened = {"ports": [{"port": 4318}]}
    for part in ("api", "worker-default", "flower", "redis"):
        rules = one(found, "NetworkPolicy", f"taskbell-{part}")["spec"].get("egress", [])
        assert (opened in rules) == (part in {"api", "worker-default"})


@pytest.mark.parametrize(
    ("values", "opened"),
    [
        ({"endpoint": "https://otel.example.com/otlp"}, {"ports": [{"port": 443}]}),
        ({"endpoint": "http://10.0.0.1"}, {"ports": [{"port": 80}]}),
        (
            {"endpoint": "http://o:4318", "egress": [{"to": [{"podSelector": {}}]}]},
            {"to": [{"podSelector": {}}]},
        ),
    ],
)
def test_the_way_to_the_collector_is_its_port_or_what_is_told(values, opened):
    found = render(values={"tracing": values | {"sampleRatio": 0.01}})
    assert opened in one(found, "NetworkPolicy", "taskbell-api")["spec"]["egress"]
    env = env_of(pods(found)["Deployment/taskbell-api"])
    assert (env["OTEL_TRACES_SAMPLER"], env["OTEL_TRACES_SAMPLER_ARG"]) == (
        "parentbased_traceidratio",
        "0.01",
    )
