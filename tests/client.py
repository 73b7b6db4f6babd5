"""A small HTTP client for tests: it sends what it is told, byte for byte, and shows all of the answer."""

import http.client
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

PROCESS = "/api/tasks/process/"
HELLO = b'{"data": "hello"}'
FORM = "application/x-www-form-urlencoded"
"""What `curl -d` calls every body."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer, whole."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def problem(self, status: int, slug: str) -> dict[str, Any]:
        """The problem that this answer is, asserted to be of this status and type."""
        assert (self.status, self.headers["Content-Type"]) == (status, "application/problem+json")
        problem = self.json()
        assert set(problem) - {"errors"} == {"type", "title", "status", "detail"}
        assert (problem["type"], problem["status"]) == (f"/problems/{slug}", status)
        assert all(problem[told] for told in ("title", "detail"))
        return dict(problem)


@dataclass(frozen=True)
class Client:
    """Talks to one server, a connection for each request."""

    url: str

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, body: bytes | Iterable[bytes], content_type: str = FORM) -> Answer:
        return self.send("POST", path, body, {"Content-Type": content_type})

    def send(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] = {},
    ) -> Answer:
        """Send a request; a body that is no bytes goes out in chunks, without a Content-Length."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return Answer(status=answer.status, headers=answer.headers, body=answer.read())
        finally:
            connection.close()
