"""The few calls to Kubernetes' own API that the platform makes, as the pod's service account.

Over the standard library: the official client is all of Kubernetes' types and a dozen packages, for a
handful of calls.
"""

import http.client
import json
import ssl
import threading
from dataclasses import KW_ONLY, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token, the API's authority, and its namespace."""
EXTERNAL_METRICS = "v1beta1.external.metrics.k8s.io"
"""The APIService of external metrics."""
_ANSWER_LIMIT_BYTES = 32 * 1024 * 1024
_STALE = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, ssl.SSLEOFError)

Manifest = dict[str, Any]


class KubernetesError(Exception):
    """The API refused a call, or did not answer it."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}" if status else message)
        self.status = status
        """As of HTTP; 0 where there was no answer."""
        self.reason = reason
        """`NotFound`, `AlreadyExists`, `Conflict`…; `NoAnswer` where there was none."""


@dataclass(frozen=True)
class Kubernetes:
    """The API at an address. Threads may share it: each has a connection of its own."""

    address: str
    """`https://host:port`."""
    _: KW_ONLY
    token_file: Path = ACCOUNT / "token"
    """Read at each call: it is exchanged within the hour."""
    authority_file: Path = ACCOUNT / "ca.crt"
    timeout: timedelta = timedelta(seconds=5)
    _own: threading.local = field(default_factory=threading.local, repr=False, compare=False)

    def get(self, path: str) -> Manifest:
        """One object, by its path.

        Raises:
            KubernetesError: as each of these calls.
        """
        return self._call("GET", path)

    def list(self, path: str, labels: str = "") -> list[Manifest]:
        """The objects of a path, those that a label selector chooses."""
        query = f"?{urlencode({'labelSelector': labels})}" if labels else ""
        items: list[Manifest] = self._call("GET", path + query).get("items", [])
        return items

    def create(self, path: str, manifest: Manifest) -> Manifest:
        """A new object; 409 where there is one of its name."""
        return self._call("POST", path, manifest)

    def replace(self, path: str, manifest: Manifest) -> Manifest:
        """The object anew; 409 where it has another `resourceVersion` by now."""
        return self._call("PUT", path, manifest)

    def patch(self, path: str, change: Manifest) -> Manifest:
        """Part of an object anew, as JSON Merge Patch says it."""
        return self._call("PATCH", path, change, "application/merge-patch+json")

    def close(self) -> None:
        """End this thread's connection; its next call opens another."""
        connection = getattr(self._own, "connection", None)
        if connection is not None:
            connection.close()
        self._own.connection = None

    def apply(self, path: str, manifest: Manifest, *, manager: str) -> Manifest:
        """The object as it is to be, made where it is not there: a server-side apply, as this field manager.

        Who may `create` under a resource's name alone may do this, and not make others.
        """
        return self._call("PATCH", f"{path}?{urlencode({'fieldManager': manager})}", manifest,
                          "application/apply-patch+yaml")  # fmt: skip

    def delete(self, path: str, version: str) -> None:
        """Delete the object; 409 where it has another `resourceVersion` by now."""
        self._call("DELETE", path, {"preconditions": {"resourceVersion": version}})

    def _call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Manifest:
        data = None if body is None else json.dumps(body).encode()
        try:
            headers = {"Accept": "application/json", "Content-Type": kind,
                       "Authorization": f"Bearer {self.token_file.read_text().strip()}"}  # fmt: skip
            status, answer = self._sent(method, path, data, headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise KubernetesError(0, "NoAnswer", f"{type(error).__name__}: {error}") from None
        return _object(status, answer)

    def _sent(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        """The answer. A connection that was open may have been closed meanwhile: then by a new one.

        So a change may be made twice; as each says which version of the object it is of, that is a 409.
        """
        if getattr(self._own, "connection", None) is not None:
            try:
                return self._exchanged(self._own.connection, method, path, data, headers)
            except _STALE:
                self.close()
        self._own.connection = self._connection()
        return self._exchanged(self._own.connection, method, path, data, headers)

    def _exchanged(self, connection: http.client.HTTPConnection, *request: Any) -> tuple[int, bytes]:
        method, path, data, headers = request
        connection.request(method, path, data, headers)
        response = connection.getresponse()
        answer = response.read(_ANSWER_LIMIT_BYTES + 1)
        if len(answer) > _ANSWER_LIMIT_BYTES:
            raise ValueError("the answer is too large")
        if response.will_close:
            self.close()
        return response.status, answer or b"{}"

    def _connection(self) -> http.client.HTTPConnection:
        seconds = self.timeout.total_seconds()
        where = urlsplit(self.address)
        context = ssl.create_default_context(cafile=self.authority_file)
        # Clusters' own authorities are often older than what Python has asked for since 3.13.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return http.client.HTTPSConnection(where.hostname or "", where.port, timeout=seconds, context=context)


def _object(status: int, answer: bytes) -> Manifest:
    try:
        found = json.loads(answer)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise KubernetesError(status, "NoObject", answer[:200].decode(errors="replace"))
    document: Manifest = found
    if status >= 300:
        raise KubernetesError(status, str(document.get("reason", "")), str(document.get("message", "")))
    return document


def secret_path(namespace: str, name: str = "") -> str:
    return _path(f"/api/v1/namespaces/{quote(namespace)}/secrets", name)


def config_map_path(namespace: str, name: str) -> str:
    return _path(f"/api/v1/namespaces/{quote(namespace)}/configmaps", name)


def api_service_path(name: str) -> str:
    return _path("/apis/apiregistration.k8s.io/v1/apiservices", name)


def pod_path(namespace: str, name: str = "") -> str:
    return _path(f"/api/v1/namespaces/{quote(namespace)}/pods", name)


def _path(kind: str, name: str) -> str:
    return f"{kind}/{quote(name, safe='')}" if name else kind


def own_namespace(account: Path = ACCOUNT) -> str:
    """The namespace of this pod; empty where this is none."""
    try:
        return (account / "namespace").read_text().strip()
    except OSError:
        return ""
