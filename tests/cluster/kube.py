"""A cluster, a namespace of it, and releases of the chart in that."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.acceptance.calls import eventually, free_ports
from tests.chart.rendering import CHART, TOOLS

READY_SECONDS = 90
PATH = f"{TOOLS / 'bin'}{os.pathsep}{os.environ['PATH']}"


class Refused(AssertionError):
    """A command failed; what it said is its text."""


def run(*argv: str | Path, stdin: str | None = None, timeout: float = 300) -> str:
    """A command's output; it must succeed."""
    done = subprocess.run(
        [str(part) for part in argv], env=os.environ | {"PATH": PATH}, input=stdin, capture_output=True,
        text=True, timeout=timeout, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Refused(f"{' '.join(map(str, argv))}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Kube:
    """`kubectl` in one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def __call__(self, *args: str, stdin: str | None = None, timeout: float = 300) -> str:
        return run("kubectl", "--namespace", self.namespace, *args, stdin=stdin, timeout=timeout)

    def apply(self, *manifests: dict[str, Any]) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self("apply", "--filename", "-", stdin=json.dumps(listed))

    def list(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            self("get", kind, "--selector", selector, "--output", "json")
        )["items"]
        return found

    def popen(self, *args: str, stdin: IO[str] | int | None = None) -> subprocess.Popen[str]:
        """A `kubectl` that runs on; its output is a pipe of text."""
        return subprocess.Popen(
            ["kubectl", "--namespace", self.namespace, *args], env=os.environ | {"PATH": PATH}, text=True,
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def why_not_ready(self) -> str:
        """What a person would look at."""
        pods = self("get", "pods", "--output", "wide")
        events = self("get", "events", "--sort-by=.lastTimestamp")
        return f"{pods}\n{events[-4000:]}"


class Release:
    """A release of the chart."""

    def __init__(self, kube: Kube, name: str, *, image: str) -> None:
        self.kube = kube
        self.name = name
        self.full = name if "taskbell" in name else f"{name}-taskbell"
        self.image = image

    def helm(self, *args: str | Path, timeout: float = 300) -> str:
        return run("helm", "--namespace", self.kube.namespace, *args, timeout=timeout)

    def put(self, *args: str | Path, seconds: int = READY_SECONDS) -> float:
        """Install or upgrade, and wait until all is ready; gives the seconds that it took."""
        repository, _, tag = self.image.rpartition(":")
        began = time.monotonic()
        try:
            self.helm(
                "upgrade", "--install", self.name, CHART, "--wait", f"--timeout={seconds}s",
                "--set", f"image.repository={repository}", "--set-string", f"image.tag={tag}", *args,
            )  # fmt: skip
        except Refused as error:
            error.add_note(self.kube.why_not_ready())
            raise
        return time.monotonic() - began

    def selector(self, component: str) -> str:
        return f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"

    def pods(self, component: str) -> list[str]:
        """The names of its pods that are not ending."""
        found = self.kube.list("pods", self.selector(component))
        return [
            pod["metadata"]["name"]
            for pod in found
            if "deletionTimestamp" not in pod["metadata"] and pod["status"]["phase"] == "Running"
        ]

    @contextmanager
    def forwarded(self, service: str, port: int) -> Iterator[str]:
        """`kubectl port-forward` to one of its services; gives the address."""
        [local] = free_ports(1)
        forward = self.kube.popen("port-forward", f"service/{self.full}-{service}", f"{local}:{port}")
        try:
            assert forward.stdout is not None
            line = forward.stdout.readline()
            assert line.startswith("Forwarding from"), line
            yield f"http://localhost:{local}"
        finally:
            forward.terminate()
            forward.communicate()


@dataclass(frozen=True, kw_only=True)
class Event:
    """What a watch tells of an object."""

    type: str
    """`ADDED`, `MODIFIED` or `DELETED`."""
    version: int
    """Its place among all that changed in the cluster."""
    replicas: str
    """As its `spec` has them; empty where it has none."""


@contextmanager
def events(kube: Kube, kind: str, name: str) -> Iterator[list[Event]]:
    """What happens to one object while this is entered; all of it is in the list at the end."""
    told = '{.type} {.object.metadata.resourceVersion} {.object.spec.replicas}{"\\n"}'
    watch = kube.popen("get", kind, name, "--watch", "--output-watch-events", f"--output=jsonpath={told}")
    assert watch.stdout is not None
    found: list[Event] = []
    lines = [watch.stdout.readline()]  # it watches
    try:
        yield found
    finally:
        watch.terminate()
        lines += watch.stdout.readlines()
        watch.communicate()
    for line in lines:
        kind_of_event, version, replicas = line.rstrip("\n").split(" ")
        found.append(Event(type=kind_of_event, version=int(version), replicas=replicas))


def pod(name: str, image: str, *, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """A pod that does nothing and passes the restricted standard: something to run commands in."""
    secure = {
        "allowPrivilegeEscalation": False, "runAsNonRoot": True, "runAsUser": 10001,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [{
                "name": "main", "image": image, "command": ["sleep", "infinity"], "securityContext": secure,
            }],
        },
    }  # fmt: skip


class Load:
    """Jobs that a pod of the cluster submits, and what came of them."""

    def __init__(self, kube: Kube, client: str, *args: str) -> None:
        with Path(__file__).with_name("load.py").open() as script:
            self._process = kube.popen("exec", "--stdin", client, "--", "python3", "-", *args, stdin=script)
        self._said: list[str] = []

    def wait_for(self, word: str) -> dict[str, Any]:
        """The line that begins with this word: its JSON."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.append(line)
            said, _, rest = line.partition(" ")
            if said == word:
                found: dict[str, Any] = json.loads(rest)
                return found
        raise AssertionError(f"it ended before it said {word}:\n{''.join(self._said[-30:])}")

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


def main_pid(pod_name: str) -> int:
    """The process on this machine that is a pod's main one: the nodes' processes are this machine's."""

    def look() -> int:
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    environ = (entry / "environ").read_bytes().split(b"\0")
                    command = (entry / "cmdline").read_bytes()
                    parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                    above = Path(f"/proc/{parent}/cmdline").read_bytes()
                except OSError:
                    continue
                if (
                    f"HOSTNAME={pod_name}".encode() in environ
                    and b"celery" in command
                    and b"celery" not in above
                ):
                    return int(entry.name)
        return 0

    return eventually(look, bool, within_seconds=10)
