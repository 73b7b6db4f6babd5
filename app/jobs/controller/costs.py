"""What it would cost to delete each pod: the jobs that its worker has been running for a while.

Short jobs do not count: what drains within seconds costs nothing to wait for, and the pods' costs would
change all the time. So a pool of short jobs changes nothing in Kubernetes' API.
"""

import logging
from collections import Counter
from collections.abc import Iterator

from jobs.kubernetes import Kubernetes, KubernetesError, Manifest, pod_path
from jobs.ledger import Record, ledger

logger = logging.getLogger("jobs.controller")
COST = "controller.kubernetes.io/pod-deletion-cost"
MOST = 2**31 - 1
HOST_NAME = 63
"""Letters of a pod's name that its containers have as their host's."""
type Attempt = tuple[str, str, str]


class Costs:
    """Keeps the costs of the pods that a label selector chooses."""

    def __init__(self, kubernetes: Kubernetes, namespace: str, selector: str) -> None:
        self._kubernetes, self._namespace, self._selector = kubernetes, namespace, selector
        self._seen: frozenset[Attempt] = frozenset()

    def look(self) -> int:
        """Set the costs that are no longer right; gives how many.

        What ran at the look before, too, is long.

        Raises:
            KubernetesError: Kubernetes' API does not answer, or refuses.
            LedgerUnavailable: Redis does not answer; the costs stay as they are.
        """
        running = {_attempt(job): _host(job) for job in _running()}
        long = Counter(host for attempt, host in running.items() if attempt in self._seen)
        self._seen = frozenset(running)
        pods = self._kubernetes.list(pod_path(self._namespace), self._selector)
        changed = [(pod, cost) for pod in pods if (cost := min(MOST, long[_host_of(pod)])) != _cost(pod)]
        return sum(self._set(pod, cost) for pod, cost in changed)

    def _set(self, pod: Manifest, cost: int) -> bool:
        name = pod["metadata"]["name"]
        change = {"metadata": {"annotations": {COST: str(cost) if cost else None}}}
        try:
            self._kubernetes.patch(pod_path(self._namespace, name), change)
        except KubernetesError as error:
            if error.status == 404:  # it has gone meanwhile
                return False
            raise
        logger.debug("cost.set pod=%s cost=%d", name, cost)
        return True


def _running() -> Iterator[Record]:
    where, place = [(queue, "started") for queue in ledger().queues()], None
    while where:
        page = ledger().browse.page(where, after=place, limit=1000)
        yield from page.jobs
        place = page.next
        if place is None:
            return


def _attempt(job: Record) -> Attempt:
    return job.id, job.fields.get("attempt", ""), job.fields.get("started", "")


def _host(job: Record) -> str:
    """The host that a worker names: `celery@host`."""
    return job.fields.get("worker", "").partition("@")[2]


def _host_of(pod: Manifest) -> str:
    """As the kubelet makes it of a pod's name."""
    name: str = pod["metadata"]["name"]
    return name[:HOST_NAME].rstrip("-.")


def _cost(pod: Manifest) -> int:
    """What stands there; -1 for what is no number, so that it is set."""
    said = pod["metadata"].get("annotations", {}).get(COST, "0")
    return int(said) if said.isascii() and said.isdigit() else -1
