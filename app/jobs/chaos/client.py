"""A thread's line to the API: kept open, at any of its addresses, another one after each failure."""

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 5


class Unanswered(Exception):
    """No whole answer came: the request may have been served, or not."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Api:
    """The API, at one or more addresses that serve the same jobs."""

    def __init__(self, urls: Sequence[str], seed: object) -> None:
        self._urls = urls
        self._chance = Random(str(seed))
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str) -> Answer:
        """Ask; see `call`."""
        return self.call("GET", path)

    def post(self, path: str, arguments: Mapping[str, Any], key: str = "") -> Answer:
        """Send arguments, under an idempotency key if there is one; see `call`."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        return self.call("POST", path, json.dumps(arguments).encode(), headers)

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request, once.

        Raises:
            Unanswered: it may have been served, or not. The next call goes to any address anew.
        """
        connection = self._connection or self._connect()
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(status=answer.status, body=answer.read())
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unanswered(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        url = urlsplit(self._chance.choice(self._urls))
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(url.netloc, timeout=TIMEOUT_SECONDS)
        return self._connection
