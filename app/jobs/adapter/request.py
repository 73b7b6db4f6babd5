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
    rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+\r\n"
)


@dataclass(slots=True, eq=False)
class Request:
    """A GET."""

    target: bytes
    head: bytes
    folded: bytes
    """The head in small letters."""
    closes: bool
    """Whether the client wants no other answer on its connection."""

    def header(self, sought: bytes) -> bytes:
        """A header's value, `sought` as `header` gives it; empty where there is none. Of several, the first.

        Most headers are of no interest: to look for one in the whole head costs least.
        """
        at = self.folded.find(sought)
        if at < 0:
            return b""
        start = at + len(sought)
        return self.head[start : self.head.find(b"\r\n", start)].strip()


def header(name: str) -> bytes:
    """How a header of this name is looked for."""
    return f"\r\n{name.lower()}:".encode()


class Malformed(Exception):
    """No request that has an answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def request(buffer: bytes) -> tuple[Request | None, bytes]:
    """The first request of what came, and what came after it; None where it is not there whole.

    Raises:
        Malformed: what is there can never become a request.
    """
    end = buffer.find(_END)
    if end > HEAD_LIMIT_BYTES or (end < 0 and len(buffer) > HEAD_LIMIT_BYTES):
        raise Malformed(431, "the request's head is too large")
    if end < 0:
        return None, buffer
    return _parsed(buffer[: end + 4]), buffer[end + 4 :]


class Memory:
    """What a connection's last request was told, for as long as that holds.

    The next mostly differs from it in its Audit-Id alone, which nobody reads here: then it is the same, and
    is neither parsed nor asked about.
    """

    def __init__(self) -> None:
        self.told = b""
        self.until = float("-inf")
        """By the monotonic clock; in the past where nothing is kept."""
        self._bytes = 0
        self._before = self._after = b""

    def keep(self, head: bytes, told: bytes, until: float) -> None:
        at = head.find(_AUDIT_ID)
        start = at + len(_AUDIT_ID)
        self._before, self._after = head[:start], head[start + _UUID_BYTES :]
        self._bytes, self.told = len(head), told
        self.until = until if at >= 0 and self.same(head) else float("-inf")  # of another id we know no place

    def same(self, head: bytes) -> bool:
        """Whether this is the last request but for an id in its id's place."""
        before = self._before
        return (
            len(head) == self._bytes
            and head.startswith(before)
            and head.endswith(self._after)
            and not head[len(before) : len(before) + _UUID_BYTES].translate(None, _OF_A_UUID)
        )


_AUDIT_ID, _UUID_BYTES, _OF_A_UUID = b"\r\nAudit-Id: ", 36, b"0123456789abcdef-"


def _parsed(head: bytes) -> Request:
    found = _HEAD.fullmatch(head)
    if found is None:
        raise Malformed(400, "that is no HTTP/1.1 request")
    method, target, version = found.groups()
    if version not in (b"1.1", b"1.0"):
        raise Malformed(505, "only HTTP/1.1 is spoken here")
    if method != b"GET":
        raise Malformed(405, "only GET has an answer here")
    parsed = Request(target, head, head.lower(), version == b"1.0")
    if _CHUNKED in parsed.folded or (_LENGTH in parsed.folded and parsed.header(_LENGTH) != b"0"):
        raise Malformed(413, "a request has no body here")
    if _CONNECTION in parsed.folded:
        said = parsed.header(_CONNECTION).lower()
        parsed.closes = b"close" in said if version == b"1.1" else b"keep-alive" not in said
    return parsed


_CHUNKED, _LENGTH, _CONNECTION = map(header, ("Transfer-Encoding", "Content-Length", "Connection"))
