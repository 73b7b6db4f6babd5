"""What the pods are like."""

from typing import Any

import pytest

from tests.chart.rendering import CHART, PRESETS, Manifest, one, pods, render

pytestmark = pytest.mark.chart
BOUNDED = {"profile": "bounded"}
VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def restricted_faults(pod: Manifest) -> list[str]:
    """What of a pod the restricted Pod Security Standard forbids (Kubernetes 1.34's list, for Linux)."""
    spec, own = pod["spec"], pod["spec"].get("securityContext", {})
    rules: dict[str, bool] = {
        "host namespaces": not any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")),
        "volume types": all(set(volume) - {"name"} <= VOLUMES for volume in spec.get("volumes", [])),
        "sysctls": not own.get("sysctls"),
        "windows": not own.get("windowsOptions", {}).get("hostProcess"),
    }
    for container in [
        *spec.get("initContainers", []),
        *spec["containers"],
        *spec.get("ephemeralContainers", []),
    ]:
        mine: dict[str, Any] = container.get("securityContext", {})
        both = own | mine
        rules |= {f"{container['name']}: {name}": holds for name, holds in {
            "privileged": not mine.get("privileged"),
            "escalation": mine.get("allowPrivilegeEscalation") is False,
            "drops all": "ALL" in mine.get("capabilities", {}).get("drop", []),
            "adds": set(mine.get("capabilities", {}).get("add", [])) <= {"NET_BIND_SERVICE"},
            "root": both.get("runAsNonRoot") is True and both.get("runAsUser") != 0,
            "seccomp": both.get("seccompProfile", {}).get("type") in {"RuntimeDefault", "Localhost"},
            "proc": mine.get("procMount", "Default") == "Default",
            "host ports": not any(port.get("hostPort") for port in container.get("ports", [])),
        }.items()}  # fmt: skip
    return [rule for rule, holds in rules.items() if not holds]


def test_the_check_of_the_standard_finds_a_fault():
    pod = {"spec": {"hostNetwork": True, "containers": [{"name": "x"}]}}
    assert {"host namespaces", "x: escalation", "x: drops all", "x: root", "x: seccomp"} == set(
        restricted_faults(pod)
    )


@pytest.mark.parametrize("preset", [None, *PRESETS], ids=lambda path: path.name if path else "defaults")
class TestEveryPod:
    @pytest.fixture
    def found(self, preset):
        return render(*(("--values", preset) if preset else ()))

    def test_passes_the_restricted_standard(self, found):
        assert {name: faults for name, pod in pods(found).items() if (faults := restricted_faults(pod))} == {}

    def test_has_no_token_of_its_account(self, found):
        assert {pod["spec"]["automountServiceAccountToken"] for pod in pods(found).values()} == {False}

    def test_has_its_secrets_as_files_alone(self, found):
        for name, pod in pods(found).items():
            for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
                env = container.get("env", [])
                assert not [each for each in env if "secretKeyRef" in each.get("valueFrom", {})], name

    def test_is_refused_all_traffic_that_no_policy_allows(self, found):
        policies = [each["spec"] for each in found if each["kind"] == "NetworkPolicy"]
        for name, pod in pods(found).items():
            labels = pod["metadata"]["labels"].items()
            own = [each for each in policies if each["podSelector"]["matchLabels"].items() <= labels]
            assert {kind for each in own for kind in each["policyTypes"]} == {"Ingress", "Egress"}, name

    def test_asks_for_what_it_needs_and_has_a_limit_of_memory(self, found):
        for name, pod in pods(found).items():
            for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
                resources = container["resources"]
                assert {"cpu", "memory"} <= resources["requests"].keys(), name
                assert "memory" in resources["limits"], name


def test_a_deployment_that_is_scaled_has_no_number_of_its_own():
    found = render()
    assert "replicas" not in one(found, "Deployment", "taskbell-worker-default")["spec"]
    fixed = render(values={"worker.autoscaling.mode": "none", "worker.replicas": 3})
    assert one(fixed, "Deployment", "taskbell-worker-default")["spec"]["replicas"] == 3
    assert not [each for each in fixed if each["kind"] == "HorizontalPodAutoscaler"]


def test_a_pool_has_what_all_have_but_for_what_it_says():
    found = render(values={
        "worker.concurrency": 7, "worker.shutdown.seconds": 90,
        "worker.pools": {"default": {}, "slow": {"queues": ["slow", "x"], "shutdown": BOUNDED}},
    })  # fmt: skip
    commands = {}
    for pool in ("default", "slow"):
        spec = one(found, "Deployment", f"taskbell-worker-{pool}")["spec"]["template"]["spec"]
        env = {each["name"]: each["value"] for each in spec["containers"][0]["env"]}
        commands[pool] = (
            spec["containers"][0]["command"][4:], spec["terminationGracePeriodSeconds"],
            env.get("JOBS_SHUTDOWN_SECONDS"),
        )  # fmt: skip
    assert commands == {
        "default": (["--loglevel=info", "--concurrency=7", "--pool=prefork", "--queues=celery"], 90, None),
        "slow": (["--loglevel=info", "--concurrency=7", "--pool=prefork", "--queues=slow,x"], 110, "90"),
    }


def test_what_all_pods_have_and_what_one_has_come_together():
    found = render(values={
        "pod": {"nodeSelector": {"disk": "ssd"}, "env": [{"name": "A", "value": "1"}]},
        "worker.pod": {"env": [{"name": "B", "value": "2"}], "annotations": {"safe": "no"}},
    })  # fmt: skip
    worker = one(found, "Deployment", "taskbell-worker-default")["spec"]["template"]
    assert worker["spec"]["nodeSelector"] == {"disk": "ssd"}
    assert [each["name"] for each in worker["spec"]["containers"][0]["env"]][-2:] == ["A", "B"]
    assert worker["metadata"]["annotations"]["safe"] == "no"
    assert one(found, "StatefulSet", "taskbell-redis")["spec"]["template"]["spec"]["nodeSelector"] == {
        "disk": "ssd"
    }


def test_the_job_of_the_migrations_has_another_name_when_it_is_another_job():
    def name(**values: Any) -> str:
        found = render(values={"database.url.value": "postgres://db/x", **values})
        [job] = [each["metadata"]["name"] for each in found if each["kind"] == "Job"]
        return str(job)

    assert name() == name(**{"api.replicas": 5})
    assert name() != name(**{"image.tag": "2"})


def test_without_a_database_nothing_is_migrated_and_nobody_waits():
    found = render()
    assert not [each for each in found if each["kind"] == "Job"]
    assert not [name for name, pod in pods(found).items() if "initContainers" in pod["spec"]]


def test_a_digest_is_always_pulled_and_a_tag_is_not():
    digest = f"sha256:{'ab' * 32}"
    for values, image, policy in (
        ({"image.tag": "5"}, "taskbell:5", "IfNotPresent"),
        ({"image.digest": digest}, f"taskbell:0.1.0@{digest}", "Always"),
        ({"image.tag": f"5@{digest}"}, f"taskbell:5@{digest}", "Always"),
        ({"image.tag": "5", "image.pullPolicy": "Never"}, "taskbell:5", "Never"),
    ):
        container = pods(render(values=values))["Deployment/taskbell-api"]["spec"]["containers"][0]
        assert (container["image"], container["imagePullPolicy"]) == (image, policy)


def test_a_pod_that_ends_waits_before_it_refuses():
    for version, how in (
        ("1.29", {"exec": {"command": ["sleep", "5"]}}),
        ("1.30", {"sleep": {"seconds": 5}}),
    ):
        spec = pods(render("--kube-version", version))["Deployment/taskbell-api"]["spec"]
        assert spec["containers"][0]["lifecycle"] == {"preStop": how}


def test_in_development_every_deployment_of_the_image_takes_edited_tasks():
    """Skaffold copies to all pods of an image, or says that it could not."""
    found = pods(render("--values", str(CHART / "ci" / "dev-values.yaml")))
    for name, pod in found.items():
        if name.startswith("Deployment/"):
            mounts = pod["spec"]["containers"][0]["volumeMounts"]
            assert "/app/tasks" in [mount["mountPath"] for mount in mounts], name
