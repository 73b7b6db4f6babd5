"""HTTP/1.1 requests out of bytes: only what a reader of metrics sends, and that strictly.

Nothing but GET has an answer, so that nothing has a body. What is not understood whole is refused, and its
connection closed: nobody may disagree with us about where a request ends.
"""

import re
from dataclasses import dataclass

HEAD_LIMIT_BYTES = 64 * 1024
"""A person's groups stand in headers, one each, and some have hundreds."""
_END = b"\r\n\r\n"
_HEAD = re.compile(
    rb"([A-Za-z]{1,20}) ([!-~]{1,8192}) HTTP/(\d\.\d)\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+)\r\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A GET."""

    target: bytes
    headers: dict[bytes, bytes]
    """By their names in small letters. Of several of one name, the first."""
    closes: bool
    """Whether the client wants no other answer on its connection."""


class Malformed(Exception):
    """No request that has an answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def request(buffer: bytearray) -> Request | None:
    """The first request of a buffer, taken out of it; None where it is not there whole.

    Raises:
        Malformed: what is there can never become a request.
    """
    end = buffer.find(_END)
    if end < 0:
        if len(buffer) > HEAD_LIMIT_BYTES:
            raise Malformed(431, "the request's head is too large")
        return None
    if end > HEAD_LIMIT_BYTES:
        raise Malformed(431, "the request's head is too large")
    head = bytes(buffer[: end + 4])
    del buffer[: end + 4]
    return _parsed(head)


def _parsed(head: bytes) -> Request:
    found = _HEAD.fullmatch(head)
    if found is None:
        raise Malformed(400, "that is no HTTP/1.1 request")
    method, target, version, fields = found.groups()
    if version not in (b"1.1", b"1.0"):
        raise Malformed(505, "only HTTP/1.1 is spoken here")
    headers: dict[bytes, bytes] = {}
    for field in fields.split(b"\r\n"):
        name, _, value = field.partition(b":")
        headers.setdefault(name.lower(), value.strip())
    if method != b"GET":
        raise Malformed(405, "only GET has an answer here")
    if b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0":
        raise Malformed(413, "a request has no body here")
    connection = headers.get(b"connection", b"").lower()
    closes = b"close" in connection if version == b"1.1" else b"keep-alive" not in connection
    return Request(target=target, headers=headers, closes=closes)
