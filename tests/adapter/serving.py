"""A server on a free port, and its callers."""

import http.client
import json
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from jobs.adapter import caller
from jobs.adapter.answers import Answers, Readiness
from jobs.adapter.certificates import Certified, issue
from jobs.adapter.connection import Patience
from jobs.adapter.loads import Loads
from jobs.adapter.server import Server
from jobs.adapter.terms import Standing
from tests.adapter.authorities import Authority, Certificate

DAY = timedelta(days=1)
NAMESPACE = "demo"
BASE = "/apis/external.metrics.k8s.io/v1beta1"
LOAD = f"{BASE}/namespaces/{NAMESPACE}/taskbell_autoscale_load"
DEFAULT_POOL = f"{LOAD}?labelSelector=pool%3Ddefault"
USER = {"X-Remote-User": "system:serviceaccount:kube-system:horizontal-pod-autoscaler"}
AUDITED = USER | {"Audit-Id": "0c5f3bb1-4f0e-4a3c-9b0a-8a7d6a3f6f5e"}
"""As the API server asks: of such a request the next is known without reading it."""


class Reading:
    """A signal that says what a test wants, and counts how often it was read."""

    def __init__(self, **loads: Any) -> None:
        self.loads: Mapping[str, Any] = loads
        self.fails: Exception | None = None
        self.reads = 0

    def read(self) -> Mapping[str, Any]:
        self.reads += 1
        if self.fails:
            raise self.fails
        return self.loads


def config_map(authority: str, *names: str, user_header: str = "X-Remote-User") -> dict[str, Any]:
    """As kube-apiserver writes it."""
    return {
        "data": {
            "requestheader-client-ca-file": authority,
            "requestheader-allowed-names": json.dumps(names),
            "requestheader-username-headers": json.dumps([user_header]),
            "requestheader-group-headers": '["X-Remote-Group"]',
            "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
        }
    }


@dataclass
class Caller:
    """Who asks, as the API server does."""

    port: int
    believes: str
    certificate: Certificate | None = None
    name: str = "adapter.demo.svc"
    headers: dict[str, str] = field(default_factory=lambda: dict(USER))

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.believes)
        context.check_hostname = True
        if self.certificate:
            context.load_cert_chain(self.certificate.crt, self.certificate.key)
        return context

    def connection(self) -> http.client.HTTPSConnection:
        """A connection to this port, by the service's name."""
        return _Named(self)

    def get(self, path: str, **headers: str) -> tuple[int, Any, http.client.HTTPMessage]:
        """Status, document and headers of one answer, on a connection of its own."""
        connection = self.connection()
        try:
            return asked(connection, path, self.headers | headers)
        finally:
            connection.close()


class _Named(http.client.HTTPSConnection):
    def __init__(self, of: Caller) -> None:
        super().__init__(of.name, of.port, timeout=30)
        self._of = of

    def connect(self) -> None:
        self.host = "127.0.0.1"
        http.client.HTTPConnection.connect(self)
        self.sock = self._of.context().wrap_socket(self.sock, server_hostname=self._of.name)


def asked(
    connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]
) -> tuple[int, Any, http.client.HTTPMessage]:
    connection.request("GET", path, headers=dict(headers))
    answer = connection.getresponse()
    body = answer.read()
    is_json = answer.headers["Content-Type"] == "application/json"
    return answer.status, json.loads(body) if is_json else body.decode(), answer.headers


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A server that runs, with what it stands on."""

    server: Server
    standing: Standing
    reading: Reading
    readiness: Readiness
    certified: Certified
    doubts: list[str]

    def caller(self, certificate: Certificate | None) -> Caller:
        return Caller(self.server.port, self.certified.authority, certificate)


@contextmanager
def serving(
    authority: Authority, *names: str, patience: Patience | None = None, connections: int = 64, **loads: Any
) -> Iterator[Serving]:
    """A server that believes this authority's certificates, of these names."""
    certified = issue(["adapter.demo.svc"], DAY)
    standing, reading, readiness = Standing(certified.pair), Reading(**loads), Readiness()
    standing.believe(caller.Authority.of(config_map(authority.pem, *names)["data"]))
    answers = Answers(namespace=NAMESPACE, release="shop", loads=Loads(reading), readiness=readiness)
    doubts: list[str] = []
    server = Server(
        ("127.0.0.1", 0), standing, answers.answer, doubt=doubts.append, patience=patience,
        connections=connections,
    )  # fmt: skip
    server.start()
    try:
        yield Serving(
            server=server, standing=standing, reading=reading, readiness=readiness, certified=certified,
            doubts=doubts,
        )  # fmt: skip
    finally:
        server.stop(0)


def curl(directory: Path, by: Caller, path: str, *arguments: str) -> tuple[int, str]:
    """Status and body that the real curl gets; its exit code in place of the status where it fails."""
    (directory / "believes.crt").write_text(by.believes)
    shown = ("--cert", by.certificate.crt, "--key", by.certificate.key) if by.certificate else ()
    where = ("--resolve", f"{by.name}:{by.port}:127.0.0.1", f"https://{by.name}:{by.port}{path}")
    told = ("--cacert", directory / "believes.crt", "--write-out", "\n%{http_code}", "--max-time", "30")
    done = subprocess.run(
        ["curl", "--silent", *map(str, (*shown, *told, *arguments, *where))],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    body, _, status = done.stdout.rpartition("\n")
    return (int(status), body) if done.returncode == 0 else (done.returncode, "")
