"""The keeper of the certificate: makes it, shares it, has it believed, and exchanges it in time.

A new certificate is made at two thirds of the life of the one that is shown. Its authority is put beside
the other's into the APIService, where the API server looks for whom to believe; only when that has stood
there for a while is it shown. So no question is lost. Whatever fails is tried again at the next look, and
what is shown stays shown.
"""

import base64
import binascii
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobs.adapter.certificates import Unusable, issue
from jobs.adapter.shared import Shared
from jobs.adapter.terms import Pair
from jobs.kubernetes import Kubernetes, KubernetesError, Manifest, api_service_path, secret_path

logger = logging.getLogger("jobs.adapter")
_CONFLICT, _NOT_FOUND = 409, 404
_AFTER_A_FAULT = timedelta(seconds=1)
_CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the certificate is kept, and what it is for."""

    namespace: str
    service: str
    secret: str
    api_service: str
    life: timedelta
    registration: Manifest | None = None
    """Labels and annotations with which the APIService is made where it is absent; None: it is not."""
    made_after: timedelta = timedelta(seconds=30)
    """How long it is absent before that."""

    @property
    def names(self) -> tuple[str, ...]:
        """The DNS names by which the service is called; the API server uses the first."""
        host = f"{self.service}.{self.namespace}"
        return f"{host}.svc", f"{host}.svc.cluster.local", host

    @property
    def look_every(self) -> timedelta:
        return min(timedelta(seconds=10), self.life / 30)


class Keeper(threading.Thread):
    """One replica's. All of them do the same; each change is of the version that was read, so one wins."""

    def __init__(self, kubernetes: Kubernetes, place: Place, show: Callable[[Pair], None]) -> None:
        super().__init__(name="keeper", daemon=True)
        self._kubernetes, self._place, self._show = kubernetes, place, show
        self._shared: Shared | None = None
        """What is shown here."""
        self._believed: tuple[str, float] = ("", 0.0)
        """The authorities that stand in the APIService, and since when."""
        self._absent_since = 0.0
        self._said: dict[str, str] = {}

    def run(self) -> None:
        while True:
            time.sleep(self._look_and_wait().total_seconds())

    def _look_and_wait(self) -> timedelta:
        """Look once; gives how long until the next."""
        try:
            self.look()
        except KubernetesError as error:
            # After a conflict the next look tells what another replica did.
            if error.status != _CONFLICT and self._is_news("kubernetes", str(error)):
                logger.warning("certificate.waits reason=%s", error)
        except Exception:
            logger.exception("certificate.failed")
        else:
            self._is_news("kubernetes", "")
            return self._place.look_every
        return min(_AFTER_A_FAULT, self._place.look_every)

    def look(self) -> None:
        """Do what is to be done now.

        Raises:
            KubernetesError: a call failed; 409 where another replica was first.
        """
        # The APIService before the Secret: an authority that stands there and not in the Secret is one of
        # the past then, and none that another replica has just added.
        registered = self._registered()
        secret = self._found(secret_path(self._place.namespace, self._place.secret))
        read = self._read(secret)
        shared = self._moved(read)
        if shared != read:
            self._write(secret, shared)
        if self._shared is None or shared.shown != self._shared.shown:
            self._show(shared.shown.pair)
            logger.info("certificate.shown until=%s", shared.until.isoformat(timespec="seconds"))
        self._shared = shared
        self._tell(registered, shared)

    def _moved(self, read: Shared | None) -> Shared:
        """What the Secret is to hold now."""
        if read is None:
            return self._usable_here() or _fresh(self._place)
        if read.next is None and self._is_due(read):
            logger.info("certificate.due until=%s", read.until.isoformat(timespec="seconds"))
            return read.with_next(issue(self._place.names, self._place.life))
        if read.next is not None and self._has_stood(read):
            return read.advanced(self._place.names)
        return read

    def _is_due(self, shared: Shared) -> bool:
        """Whether two thirds of its life are over; or it was made when lives were to be longer."""
        left, life = shared.until - datetime.now(UTC), self._place.life
        return left <= life / 3 or left > life * 1.1 + _CLOCKS_DIFFER

    def _read(self, secret: Manifest | None) -> Shared | None:
        data = (secret or {}).get("data")
        if not data:
            return None
        try:
            return Shared.of(data, self._place.names)
        except Unusable as error:
            logger.warning("certificate.replaced secret=%s reason=%s", self._place.secret, error)
            return None

    def _usable_here(self) -> Shared | None:
        """What is shown here goes back into a Secret that somebody deleted or spoiled."""
        usable = self._shared is not None and self._shared.until > datetime.now(UTC)
        return self._shared if usable else None

    def _write(self, secret: Manifest | None, shared: Shared) -> None:
        where, data = (self._place.namespace, self._place.secret), shared.data()
        if secret is not None:
            self._kubernetes.replace(secret_path(*where), secret | {"data": data})
            return
        labels = {"app.kubernetes.io/managed-by": "taskbell"}
        metadata = {"name": self._place.secret, "namespace": self._place.namespace, "labels": labels}
        manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "type": "Opaque",
            "data": data,
        }
        self._kubernetes.create(secret_path(self._place.namespace), manifest)

    # The APIService

    def _registered(self) -> Manifest | None:
        """The APIService, if it is this service's and can be told whom to believe."""
        found = self._found(api_service_path(self._place.api_service))
        if found is None:
            if self._is_news("apiservice", "absent"):
                self._absent_since = time.monotonic()
                logger.warning("apiservice.absent name=%s", self._place.api_service)
            return self._register()
        spec = found.get("spec", {})
        service = spec.get("service") or {}
        if (service.get("name"), service.get("namespace")) != (self._place.service, self._place.namespace):
            whose = f"{service.get('namespace')}/{service.get('name')}"
            if self._is_news("apiservice", whose):
                logger.warning("apiservice.foreign name=%s service=%s", self._place.api_service, whose)
            return None
        self._is_news("apiservice", "")
        return None if spec.get("insecureSkipTLSVerify") else found

    def _register(self) -> Manifest | None:
        """Make the APIService that the controller took away while nothing served it.

        Not at once: an uninstall takes it away too, and this process soon after.
        """
        absent = time.monotonic() - self._absent_since
        if self._place.registration is None or absent < self._place.made_after.total_seconds():
            return None
        service = {"name": self._place.service, "namespace": self._place.namespace, "port": 443}
        version, _, group = self._place.api_service.partition(".")
        made = self._kubernetes.apply(api_service_path(self._place.api_service), {
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": self._place.registration | {"name": self._place.api_service},
            "spec": {"group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100,
                     "service": service},
        }, manager="helm")  # fmt: skip
        logger.info("apiservice.made name=%s", self._place.api_service)
        return made

    def _tell(self, registered: Manifest | None, shared: Shared) -> None:
        """Have the API server believe what is shown, and what is shown next."""
        authorities = shared.authorities()
        if registered is not None and _bundle(registered) != authorities:
            version = registered["metadata"]["resourceVersion"]
            bundle = base64.b64encode(authorities.encode()).decode()
            change = {"metadata": {"resourceVersion": version}, "spec": {"caBundle": bundle}}
            self._kubernetes.patch(api_service_path(self._place.api_service), change)
            logger.info("apiservice.told name=%s", self._place.api_service)
        if self._believed[0] != authorities:
            self._believed = (authorities, time.monotonic())

    def _has_stood(self, shared: Shared) -> bool:
        """Whether the next one's authority is in the APIService for as long as an API server takes to see."""
        authorities, since = self._believed
        stood = time.monotonic() - since >= self._place.look_every.total_seconds()
        return stood and authorities == shared.authorities()

    def _found(self, path: str) -> Manifest | None:
        try:
            return self._kubernetes.get(path)
        except KubernetesError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def _is_news(self, about: str, what: str) -> bool:
        """Whether it was something else at the last look: what lasts is logged once."""
        before, self._said[about] = self._said.get(about, ""), what
        return before != what


def _fresh(place: Place) -> Shared:
    return Shared(shown=issue(place.names, place.life), until=datetime.now(UTC) + place.life)


def _bundle(registered: Manifest) -> str:
    try:
        return base64.b64decode(registered["spec"].get("caBundle") or "").decode()
    except (binascii.Error, ValueError):
        return ""
