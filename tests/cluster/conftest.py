"""A cluster to install into, and images that its nodes have.

`KUBECONFIG` names the cluster. `CLUSTER_LOAD` is the command that hands images of the local Docker engine to
its nodes (`kind load docker-image`); `CLUSTER_RESTART` one that restarts its node.
"""

import os
import secrets
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.chart.rendering import ROOT
from tests.cluster.kube import Kube, pod, run

REDIS = "redis:8.0"
OURS = "taskbell-tests"
"""The label of the tests' namespaces."""
LAYER = "FROM {base}\nCOPY tasks/ /app/tasks/\n{more}"


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/cluster/" in str(item.path).replace(os.sep, "/"):
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def load_images():
    """Hands images of the local engine to the cluster's nodes."""
    command = os.environ.get("CLUSTER_LOAD")

    def load(*images: str) -> None:
        assert command, "CLUSTER_LOAD: set the command that loads images, as `kind load docker-image`"
        run(*shlex.split(command), *images, timeout=600)

    return load


@pytest.fixture(scope="session")
def build(load_images):
    """Builds a second layer with the tests' tasks over an image, and loads it; gives its name."""

    def make(tag: str, base: str, more: str = "") -> str:
        name = f"taskbell-test:{tag}"
        subprocess.run(
            ["docker", "build", "--quiet", "--tag", name, "--file", "-", ROOT / "tests" / "cluster"],
            input=LAYER.format(base=base, more=more), text=True, check=True, capture_output=True, timeout=600,
        )  # fmt: skip
        load_images(name)
        return name

    return make


@pytest.fixture(scope="session")
def image(build, load_images) -> str:
    """The image, with tasks for the tests."""
    base = "taskbell-test:base"
    run("docker", "build", "--tag", base, ROOT, timeout=900)
    name = build("one", base)
    load_images(REDIS)
    return str(name)


@pytest.fixture(scope="session")
def alone() -> None:
    """Nothing is left of a run that was killed: one release has the cluster's API of external metrics."""
    for name in run("kubectl", "get", "namespaces", "--selector", OURS, "--output", "name").split():
        remove(name.removeprefix("namespace/"))


@contextmanager
def namespace() -> Iterator[Kube]:
    """A namespace that refuses whatever is not restricted; it is gone afterwards, and what is in it."""
    name = f"taskbell-{secrets.token_hex(3)}"
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    found = Kube(name)
    found.apply({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels | {OURS: ""}},
    })  # fmt: skip
    try:
        yield found
    finally:
        remove(name)


def remove(name: str) -> None:
    """A release has objects outside of its namespace: the API of external metrics is the cluster's."""
    for release in run("helm", "list", "--namespace", name, "--short").split():
        run("helm", "uninstall", release, "--namespace", name, "--no-hooks")
    run("kubectl", "delete", "namespace", name, "--wait=false", "--ignore-not-found")


@pytest.fixture(scope="module")
def kube(alone) -> Iterator[Kube]:
    with namespace() as found:
        yield found


@pytest.fixture(scope="module")
def client(kube, image) -> str:
    """A pod to call from, that is none of the release's."""
    kube.apply(pod("client", image))
    kube("wait", "--for=condition=Ready", "pod/client", "--timeout=60s")
    return "client"
