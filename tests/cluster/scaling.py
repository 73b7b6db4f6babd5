"""A pool that is sized, as a test watches it."""

import json
import threading
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Self

from tests.cluster.kube import Release


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
