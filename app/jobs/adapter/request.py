"""HTTP/1.1 requests out of bytes: only what a reader of metrics sends, and that strictly.

Nothing but GET has an answer, so that nothing has a body. What is not understood whole is refused, and its
connection closed: nobody may disagree with us about where a request ends.
"""

import re
from typing import NamedTuple

HEAD_LIMIT_BYTES = 64 * 1024
"""A person's groups stand in headers, one each, and some have hundreds."""
_END = b"\r\n\r\n"
_HEAD = re.compile(
    rb"([A-Za-z]{1,20}) ([!-~]{1,8192}) HTTP/(\d\.\d)\r\n"
    rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+\r\n"
)


class Request(NamedTuple):
    """A GET."""

    target: bytes
    head: bytes
    folded: bytes
    """The head in small letters."""
    closes: bool
    """Whether the client wants no other answer on its connection."""

    def header(self, name: bytes) -> bytes:
        """Its value, by its name in small letters; empty where there is none. Of several, the first."""
        return _value(self.head, self.folded, name)


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
    method, target, version = found.groups()
    if version not in (b"1.1", b"1.0"):
        raise Malformed(505, "only HTTP/1.1 is spoken here")
    if method != b"GET":
        raise Malformed(405, "only GET has an answer here")
    folded = head.lower()
    if b"\r\ntransfer-encoding:" in folded or _value(head, folded, b"content-length") not in (b"", b"0"):
        raise Malformed(413, "a request has no body here")
    connection = _value(folded, folded, b"connection")
    closes = b"close" in connection if version == b"1.1" else b"keep-alive" not in connection
    return Request(target, head, folded, closes)


def _value(head: bytes, folded: bytes, name: bytes) -> bytes:
    """Looked for in the whole head: most headers are of no interest, and to part all of them costs most."""
    at = folded.find(b"\r\n%b:" % name)
    if at < 0:
        return b""
    start = at + len(name) + 3
    return head[start : head.find(b"\r\n", start)].strip()
