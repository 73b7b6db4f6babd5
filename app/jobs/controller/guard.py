"""The guard of the API of external metrics: while nothing serves it, it is not there.

An APIService that nothing serves holds up what asks for all APIs, above all the deletion of namespaces, all
over the cluster. The autoscaler holds either way. The adapter brings it back when it runs.
"""

import logging
import time
from dataclasses import dataclass
from datetime import timedelta

from jobs.kubernetes import Kubernetes, KubernetesError, Manifest, api_service_path

logger = logging.getLogger("jobs.controller")


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """An APIService."""

    name: str
    namespace: str
    service: str
    """Whose it is: one of another service is left alone."""
    after: timedelta
    """How long nothing serves it before it goes."""


class Guard:
    """Looks at one APIService again and again."""

    def __init__(self, kubernetes: Kubernetes, guarded: Guarded) -> None:
        self._kubernetes, self._guarded = kubernetes, guarded
        self._since: float | None = None
        """Since when nothing serves it."""

    def look(self) -> bool:
        """Take it away if that is due; gives whether it was.

        Raises:
            KubernetesError: Kubernetes' API does not answer, or refuses.
        """
        path = api_service_path(self._guarded.name)
        try:
            found = self._kubernetes.get(path)
            if not self._is_idle(found):
                return False
            self._kubernetes.delete(path, found["metadata"]["resourceVersion"])
        except KubernetesError as error:
            self._since = None  # what it was meanwhile nobody saw
            if error.status in {404, 409}:  # gone, or changed
                return False
            raise
        self._since = None
        logger.warning("apiservice.taken_away name=%s", self._guarded.name)
        return True

    def _is_idle(self, found: Manifest) -> bool:
        service = found.get("spec", {}).get("service") or {}
        ours = (service.get("namespace"), service.get("name")) == (
            self._guarded.namespace,
            self._guarded.service,
        )
        if not ours or _is_available(found):
            self._since = None
            return False
        now = time.monotonic()
        if self._since is None:
            self._since = now
        return now - self._since >= self._guarded.after.total_seconds()


def _is_available(found: Manifest) -> bool:
    conditions = found.get("status", {}).get("conditions", [])
    return any(each["type"] == "Available" and each["status"] == "True" for each in conditions)
