"""An answer as its bytes, made once and sent many times."""

from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus

from jobs.adapter import documents

JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one request gets."""

    status: int
    body: bytes
    content_type: str = JSON
    until: float = float("-inf")
    """How long whoever asks the same gets this, by the monotonic clock; in the past: no longer than now."""

    @cached_property
    def goes_on(self) -> bytes:
        """On a connection that takes more requests."""
        return self._wire("")

    @cached_property
    def closes(self) -> bytes:
        """As the last answer of its connection."""
        return self._wire("Connection: close\r\n")

    def _wire(self, more: str) -> bytes:
        allow = "Allow: GET\r\n" if self.status == HTTPStatus.METHOD_NOT_ALLOWED else ""
        head = (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n"
            f"Content-Type: {self.content_type}\r\nContent-Length: {len(self.body)}\r\n"
            f"Cache-Control: no-cache, private\r\nX-Content-Type-Options: nosniff\r\n{allow}{more}\r\n"
        )
        return head.encode() + self.body


def found(body: bytes) -> Answer:
    return Answer(status=200, body=body)


def refused(status: int, message: str) -> Answer:
    """A `Status` of Kubernetes, which says why."""
    return Answer(status=status, body=documents.status(status, message))


def said(status: int, text: str) -> Answer:
    """What a probe gets."""
    return Answer(status=status, body=text.encode() + b"\n", content_type="text/plain; charset=utf-8")
