"""A pool that is sized, as a test watches it."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self

from tests.cluster.kube import Load, Release

QUICK = json.dumps({
    "scaleUp": {"policies": [{"type": "Pods", "value": 4, "periodSeconds": 5}]},
    "scaleDown": {
        "stabilizationWindowSeconds": 10, "policies": [{"type": "Pods", "value": 4, "periodSeconds": 5}],
    },
})  # fmt: skip
"""The chart's own takes five minutes to begin on the way down."""
SETTINGS = (
    "--set-json", f"worker.autoscaling.behavior={QUICK}", "--set", "worker.resources.requests.cpu=20m",
    "--set", "flower.enabled=false", "--set", "metrics.enabled=false", "--set", "api.replicas=1",
)  # fmt: skip


class Submit(Protocol):
    """Submits so many jobs of so many seconds, with these parameters, until all are accepted."""

    def __call__(self, count: int, seconds: float, query: str = "") -> Load: ...


@contextmanager
def naps(release: Release, client: str) -> Iterator[Submit]:
    """Jobs that sleep; who waits for them ends with it."""
    loads: list[Load] = []

    def submit(count: int, seconds: float, query: str = "") -> Load:
        url = f"http://{release.full}-api:8001/api/tasks/nap/{query}"
        loads.append(Load(release.kube, client, url, json.dumps({"seconds": seconds}), str(count)))
        assert loads[-1].wait_for("accepted")["jobs"] == count
        return loads[-1]

    try:
        yield submit
    finally:
        for load in loads:
            load.end()


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The Deployment at one instant."""

    at: float
    """As `time.monotonic` counts."""
    wanted: int
    ready: int


class Watch(AbstractContextManager["Watch"]):
    """Looks at a pool's Deployment twice a second while it is entered."""

    def __init__(self, release: Release, pool: str = "default") -> None:
        self._release, self._name = release, f"{release.full}-worker-{pool}"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.samples: list[Sample] = []

    def __enter__(self) -> Self:
        self.samples.append(self._sample())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def now(self) -> Sample:
        return self.samples[-1]

    @property
    def wanted(self) -> list[int]:
        """Every number of pods that was wanted."""
        return [each.wanted for each in self.samples]

    def slots_seconds(self, until: float, slots: int) -> float:
        """How many seconds of jobs the ready pods could have run by then."""
        spans = zip(self.samples, self.samples[1:], strict=False)
        return sum(
            a.ready * slots * (min(b.at, until) - a.at)
            for a, b in spans
            if a.at < until
        )  # fmt: skip

    def _look(self) -> None:
        while not self._ended.wait(0.5):
            self.samples.append(self._sample())

    def _sample(self) -> Sample:
        found: dict[str, Any] = json.loads(
            self._release.kube("get", "deployment", self._name, "--output", "json")
        )
        return Sample(
            at=time.monotonic(), wanted=found["spec"]["replicas"],
            ready=found["status"].get("readyReplicas", 0),
        )  # fmt: skip
