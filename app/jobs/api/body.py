"""The body of a submit, as bytes, whatever its Content-Type says.

`curl -d '{…}'` calls its JSON a form; so the body is read raw, before anything parses it.
"""

from typing import Any, Protocol

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest

from jobs.errors import BodyMalformed, BodyTooLarge

PIECE_BYTES = 64 * 1024
DISCARD_BYTES = 64 * 1024 * 1024
"""How much of a refused body is read and thrown away. Most clients look for an answer only when
they have sent everything; a connection closed before that gives them a broken pipe, not a 413."""


class _Readable(Protocol):
    def read(self, size: int, /) -> Any: ...


def read_body(request: HttpRequest, *, limit_bytes: int) -> bytes:
    """The whole body, of at most `limit_bytes`; never more than that is held in memory.

    Raises:
        BodyTooLarge: it is larger.
        BodyMalformed: the client broke off before its end.
    """
    announced = int(request.META.get("CONTENT_LENGTH") or 0)
    source = _source(request)
    try:
        body = None if announced > limit_bytes else _read(source, limit_bytes)
        if body is None:
            _discard(source)
    except Exception:  # noqa: BLE001 - only `read` runs here; each server has its own errors for a broken transfer
        raise BodyMalformed("The body broke off before its end.") from None
    if body is None:
        raise BodyTooLarge(f"A body has at most {limit_bytes} bytes.")
    if len(body) < announced:
        raise BodyMalformed(f"The body broke off: it has {len(body)} of {announced} bytes.")
    return body


def _source(request: HttpRequest) -> _Readable:
    """Where the body can be read: Django takes one without a Content-Length for empty."""
    chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    if chunked and isinstance(request, WSGIRequest):
        return request.environ["wsgi.input"]  # type: ignore[no-any-return]  # WSGI's environ is untyped
    return request


def _read(source: _Readable, limit_bytes: int) -> bytes | None:
    """The body, or None as soon as it is known to be too large."""
    pieces: list[bytes] = []
    size = 0
    while piece := source.read(PIECE_BYTES):
        size += len(piece)
        if size > limit_bytes:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def _discard(source: _Readable) -> None:
    for _ in range(DISCARD_BYTES // PIECE_BYTES):
        if not source.read(PIECE_BYTES):
            return
