"""The pods of a pool: how they come, whom they lend their slots, and who goes first."""

from collections import deque
from dataclasses import dataclass

from bench.autoscale.demand import Seen


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What starting and ending a pod is like."""

    start: float = 3.5
    """Seconds until a pod is ready where there is room: about one to be placed, and 2.5 of our own."""
    room: int | None = None
    """Pods that fit on the nodes that are there; None: all do."""
    node: float = 90.0
    """Seconds more for a pod that does not fit: a node is added and pulls the image."""
    deletion_cost: bool = False
    """Whether the pods with the fewest jobs go first, and not just the youngest."""


class Pod:
    """One pod, from its making until it is gone."""

    __slots__ = ("_before", "_since", "_spent", "busy", "gone", "made", "ready", "told", "used")

    def __init__(self, made: float, ready: float) -> None:
        self.made, self.ready = made, ready
        self.told: float | None = None
        """When it was told to go."""
        self.gone: float | None = None
        self.busy = 0
        """Jobs that it runs."""
        self.used: float | None = None
        """Slots that were busy on average between metrics-server's last two looks; None: it had not two."""
        self._spent, self._since = 0.0, made
        self._before: float | None = None

    def change(self, now: float, jobs: int) -> None:
        """It runs so many jobs more."""
        self._spent += self.busy * (now - self._since)
        self._since = now
        self.busy += jobs

    def look(self, now: float, period: float) -> None:
        """Metrics-server looks, a period after its last look."""
        self.change(now, 0)
        self.used = None if self._before is None else (self._spent - self._before) / period
        self._before = self._spent


class Fleet:
    """All pods of a pool; those that it begins with are ready."""

    def __init__(self, cluster: Cluster, size: int, *, concurrency: int, patience: float) -> None:
        self._cluster, self._concurrency, self._patience = cluster, concurrency, patience
        self.cut_off = 0
        """Jobs that ran on for longer than a pod may that was told to go: they are let run all the same."""
        self.pods = [Pod(0, 0) for _ in range(size)]
        """Those that are not being ended, the oldest first."""
        self._all = list(self.pods)
        self._leaving = 0
        self._free: deque[Pod] = deque()
        for pod in self.pods:
            self.open(pod)

    @property
    def there(self) -> int:
        """Pods that cost something: those that start, are ready, or finish what they run."""
        return len(self.pods) + self._leaving

    def seconds(self, end: float) -> float:
        """What all pods cost until an instant, in seconds of one pod."""
        return sum((end if pod.gone is None else pod.gone) - pod.made for pod in self._all)

    def add(self, now: float) -> Pod:
        """One more pod; `open` it when it is ready."""
        crowded = self._cluster.room is not None and self.there >= self._cluster.room
        pod = Pod(now, now + self._cluster.start + (self._cluster.node if crowded else 0))
        self.pods.append(pod)
        self._all.append(pod)
        return pod

    def open(self, pod: Pod) -> None:
        """A pod is ready: its slots are free."""
        if pod.told is None:
            self._free.extend([pod] * self._concurrency)

    def borrow(self, now: float) -> Pod | None:
        """The pod whose slot has been free for longest takes a job."""
        while self._free:
            pod = self._free.popleft()
            if pod.told is None:
                pod.change(now, 1)
                return pod
        return None

    def give_back(self, now: float, pod: Pod) -> None:
        """A job of a pod has ended."""
        pod.change(now, -1)
        if pod.told is None:
            self._free.append(pod)
            return
        self.cut_off += now - pod.told > self._patience
        if not pod.busy:
            pod.gone = now
            self._leaving -= 1

    def end(self, now: float, number: int) -> int:
        """So many pods are told to go, and finish what they run; gives how many jobs that is."""
        chosen = sorted(self.pods, key=lambda pod: (pod.ready <= now, self._cost(pod), -pod.made))[:number]
        for pod in chosen:
            pod.told = now
            if pod.busy:
                self._leaving += 1
            else:
                pod.gone = now
        self.pods = [pod for pod in self.pods if pod.told is None]
        return sum(pod.busy for pod in chosen)

    def _cost(self, pod: Pod) -> int:
        return pod.busy if self._cluster.deletion_cost else 0

    def look(self, now: float, period: float) -> None:
        """Metrics-server looks at the pods that are ready."""
        for pod in self.pods:
            if pod.ready <= now:
                pod.look(now, period)

    def seen(self, now: float, millicores: float) -> Seen:
        """What the autoscaler knows of their CPU, where a busy slot uses so much."""
        ready = [pod for pod in self.pods if pod.ready <= now]
        used = [round(pod.used * millicores) for pod in ready if pod.used is not None]
        return Seen(used=used, missing=len(ready) - len(used), unready=len(self.pods) - len(ready))
