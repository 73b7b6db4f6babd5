"""What each request gets: the external metrics API of one namespace, the probes, a page for Prometheus."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import parse_qs, unquote_to_bytes

from jobs.adapter import documents
from jobs.adapter.answer import Answer, found, refused, said
from jobs.adapter.caller import Authority
from jobs.adapter.loads import Loads, Snapshot, Unread
from jobs.adapter.request import Request, header
from jobs.adapter.selectors import SelectorMalformed, Test, selector

_VERSION = f"/apis/{documents.GROUP}/{documents.VERSION}"
_FIXED = {
    "/apis": found(documents.groups()),
    f"/apis/{documents.GROUP}": found(documents.group()),
    _VERSION: found(documents.resources()),
}
_ALIVE, _READY, _UNREADY = said(200, "ok"), said(200, "ok"), said(503, "not ready")
_STRANGER = refused(401, "Unauthorized: only the API server is answered, by its client certificate")
_NOBODY = refused(403, "Forbidden: the request does not say for which user it is")
_NOT_ACCEPTABLE = refused(406, "only application/json is served here")
_NO_PATH = refused(404, "the server could not find the requested resource")
_UNREAD = refused(503, "the load cannot be read now")
_ACCEPT = header("Accept")
_CERTIFICATE = """\
# HELP taskbell_adapter_certificate_expires_seconds Until the certificate that the adapter shows ends.
# TYPE taskbell_adapter_certificate_expires_seconds gauge
taskbell_adapter_certificate_expires_seconds """
_KEPT_ANSWERS = 256
"""Of one snapshot; more selectors than pools make no sense, and nobody may fill the memory with them."""


class Readiness:
    """What must be there before this one may be asked. Not Redis: without it there is an answer too."""

    def __init__(self) -> None:
        self.certificate = threading.Event()
        self.until: datetime | None = None
        """When the certificate that is shown ends; None before there is one."""
        self.authority = threading.Event()

    @property
    def whole(self) -> bool:
        return self.certificate.is_set() and self.authority.is_set()


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The server's answers."""

    namespace: str
    release: str
    """The value of the label `release` of all pools here."""
    loads: Loads
    readiness: Readiness

    def answer(self, request: Request, authority: Authority | None) -> Answer:
        """The answer to a request, on a connection for which this authority vouches; None: nobody does."""
        if authority is not None and _lets_in(authority, request):
            return self._probe(request) or self._served(request.target)
        return self._probe(request) or self._refusal(request, authority)

    def _probe(self, request: Request) -> Answer | None:
        probe = _PROBES.get(request.target.partition(b"?")[0])
        return probe(self.readiness) if probe else None

    def _refusal(self, request: Request, authority: Authority | None) -> Answer:
        """Why this request gets nothing."""
        if authority is None:
            return _STRANGER
        if not authority.user(request):
            return _NOBODY
        # What is not there is not there in any form.
        route = _route(request.target, self.namespace)
        return route if isinstance(route, Answer) and route.status != 200 else _NOT_ACCEPTABLE

    def _served(self, target: bytes) -> Answer:
        route = _route(target, self.namespace)
        if isinstance(route, Answer):
            return route
        try:
            snapshot = self.loads.now()
        except Unread:
            return _UNREAD
        answer = snapshot.answers.get(target)
        if answer is None:
            answer = self._values(route, snapshot)
            if len(snapshot.answers) < _KEPT_ANSWERS:
                snapshot.answers[target] = answer
        return answer

    def _values(self, fits: Test, snapshot: Snapshot) -> Answer:
        pools = (({"release": self.release, "pool": pool}, load) for pool, load in snapshot.loads.items())
        body = documents.values([(labels, load) for labels, load in pools if fits(labels)], snapshot.at)
        return Answer(status=200, body=body, until=snapshot.until)


@lru_cache(maxsize=_KEPT_ANSWERS)
def _route(target: bytes, namespace: str) -> Answer | Test:
    """An answer that is always the same, or which pools are asked for."""
    raw, _, query = target.partition(b"?")
    try:
        path = unquote_to_bytes(raw).decode().rstrip("/")
        asked = parse_qs(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        return refused(400, "the address cannot be read")
    if path != f"{_VERSION}/namespaces/{namespace}/{documents.METRIC}":
        return _FIXED.get(path, _NO_PATH)
    if asked.get("watch", ["false"])[0] not in ("false", "0"):
        return refused(405, "a metric cannot be watched")
    try:
        return selector(asked.get("labelSelector", [""])[0])
    except SelectorMalformed as error:
        return refused(400, f"unable to parse labelSelector: {error}")


def _lets_in(authority: Authority, request: Request) -> bool:
    return bool(authority.user(request)) and _accepts_json(request.header(_ACCEPT))


def _ready(readiness: Readiness) -> Answer:
    return _READY if readiness.whole else _UNREADY


def _metrics(readiness: Readiness) -> Answer:
    if readiness.until is None:
        return said(200, "")
    left = (readiness.until - datetime.now(UTC)).total_seconds()
    return said(200, f"{_CERTIFICATE}{left:.0f}")


_PROBES: dict[bytes, Callable[[Readiness], Answer]] = {
    b"/healthz": lambda _: _ALIVE,
    b"/livez": lambda _: _ALIVE,
    b"/readyz": _ready,
    b"/metrics": _metrics,
}


@lru_cache(maxsize=128)
def _accepts_json(accept: bytes) -> bool:
    """Whether plain JSON will do.

    Who wants it as something else (`;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`) and nothing
    beside is told that there is none, and asks again for the plain one.
    """
    for each in (accept or b"*/*").lower().split(b","):
        kind, *parameters = (part.strip() for part in each.split(b";"))
        plain = not any(parameter.startswith((b"as=", b"g=", b"v=")) for parameter in parameters)
        if plain and kind in (b"application/json", b"application/*", b"*/*"):
            return True
    return False
