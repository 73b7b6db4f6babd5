"""Who calls: whom the cluster lets speak for its users, as its own ConfigMap tells every API server.

The API server in front has asked who the user is and what they may do. It shows a certificate of the
request headers' authority, and says in a header for whom it asks. Nobody else is answered.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from jobs.adapter.request import Request, header
from jobs.kubernetes import Kubernetes, KubernetesError, config_map_path

logger = logging.getLogger("jobs.adapter")
WHERE = config_map_path("kube-system", "extension-apiserver-authentication")
EVERY = timedelta(seconds=30)
_PAUSE_SECONDS = 1.0
"""Between two looks, whatever asks for one."""
_SAID_EVERY_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Authority:
    """Who may speak for others."""

    certificates: str
    """The authorities' own, as PEM."""
    names: frozenset[str]
    """The common names that they may vouch for; empty: any."""
    user_headers: tuple[bytes, ...]
    """Where the user's name stands, as one looks for it; the first that is there."""

    @classmethod
    def of(cls, data: Mapping[str, str]) -> "Authority":
        """As the ConfigMap has it.

        Raises:
            ValueError: it does not say who.
        """
        certificates = data.get("requestheader-client-ca-file", "")
        if "-----BEGIN CERTIFICATE-----" not in certificates:
            raise ValueError("it has no requestheader-client-ca-file: the API server forwards no request")
        headers = _listed(data, "requestheader-username-headers")
        if not headers:
            raise ValueError("it has no requestheader-username-headers")
        return cls(
            certificates=certificates,
            names=frozenset(_listed(data, "requestheader-allowed-names")),
            user_headers=tuple(map(header, headers)),
        )

    def vouches(self, certificate: Mapping[str, Any]) -> bool:
        """Whether a certificate that this authority signed may speak for others."""
        subject = certificate.get("subject", ())
        common = {value for part in subject for name, value in part if name == "commonName"}
        return bool(certificate) and (not self.names or bool(self.names & common))

    def user(self, request: Request) -> bytes:
        """For whom a request is made; empty where it does not say."""
        for sought in self.user_headers:
            if user := request.header(sought):
                return user
        return b""


def _listed(data: Mapping[str, str], key: str) -> list[str]:
    found = json.loads(data.get(key) or "[]")
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ValueError(f"{key} is no list of names")
    return [each for each in found if each]


class Callers(threading.Thread):
    """Reads who may call, again and again, and tells when that has changed."""

    def __init__(
        self, kubernetes: Kubernetes, changed: Callable[[Authority], None], every: timedelta = EVERY
    ) -> None:
        super().__init__(name="callers", daemon=True)
        self._kubernetes, self._changed, self._every = kubernetes, changed, every.total_seconds()
        self._doubted = threading.Event()
        self._said_at = float("-inf")
        self._known: Authority | None = None
        self._away = False

    def doubt(self, reason: str) -> None:
        """Somebody's certificate was refused: perhaps there is a new authority."""
        now = time.monotonic()
        if now > self._said_at + _SAID_EVERY_SECONDS:
            self._said_at = now
            logger.warning("callers.refused reason=%s", reason)
        self._doubted.set()

    def run(self) -> None:
        while True:
            self._doubted.clear()
            known = self._look()
            # Whoever shows bad certificates all day makes one call a second of us, and no more.
            time.sleep(_PAUSE_SECONDS)
            self._doubted.wait(self._every if known else 0)

    def _look(self) -> bool:
        try:
            found = Authority.of(self._kubernetes.get(WHERE).get("data") or {})
            if found != self._known:
                self._changed(found)
                logger.info("callers.known names=%s", ",".join(sorted(found.names)) or "any")
        except (KubernetesError, ValueError, OSError) as error:
            # What was known holds on: an API server that is away calls nobody.
            if not self._away:
                logger.warning("callers.unread reason=%s", error)
            self._away = True
            return False
        except Exception:
            logger.exception("callers.failed")
            return False
        self._known, self._away = found, False
        return True
