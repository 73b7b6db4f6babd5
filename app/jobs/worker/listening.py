"""Who asks a worker over HTTP: one thread that answers GET, a few connections at a time.

It must not hurt the worker, whoever asks however: it waits for nobody but in `poll`, drops who takes long,
and stands still while its process forks, as all threads of the platform do.
"""

import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from io import BytesIO

from jobs.quiet import during_answers

logger = logging.getLogger("jobs.worker")
CONNECTIONS = 8
"""At once; where one more comes, the oldest is dropped: an honest one is done in milliseconds."""
PATIENCE_SECONDS = 5.0
"""How long a connection may take, from its first byte to the last of its answer."""
HEAD_LIMIT_BYTES = 16 * 1024
_PIECE = 64 * 1024
_AGAIN_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is answered, as HTTP has it."""

    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


type Answers = Callable[[str, Mapping[str, str]], Answer]
"""What is answered to a GET of a path with these headers, by their names in small letters."""


class _Exchange(BaseHTTPRequestHandler):
    """One request, whole in memory, and its answer."""

    protocol_version = "HTTP/1.1"

    def __init__(self, head: bytes, answers: Answers) -> None:
        self.rfile, self.wfile = BytesIO(head), BytesIO()
        self.said = self.wfile
        self._answers = answers
        self.handle_one_request()

    def do_GET(self) -> None:
        try:
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = self._answers(self.path.partition("?")[0], headers)
        except Exception:
            logger.exception("metrics.failed")
            answer = Answer(status=500, body=b"see the worker's log\n")
        self.send_response(answer.status)
        own = {"Content-Type": answer.content_type, "Content-Length": str(len(answer.body))}
        for name, value in (own | dict(answer.headers) | {"Connection": "close"}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def version_string(self) -> str:
        return "taskbell"

    def log_message(self, *_: object) -> None:
        """Who asks, and how often, is no event."""


@dataclass(kw_only=True, eq=False)
class _Connection:
    """What has come, and what is still to go."""

    late_at: float
    came: bytes = b""
    goes: memoryview | None = None


class Listener(threading.Thread):
    """Answers on a port, for as long as its process lives."""

    def __init__(self, host: str, port: int, answers: Answers) -> None:
        """Open the port.

        Raises:
            OSError: it is taken, or may not be had.
        """
        super().__init__(name="metrics", daemon=True)
        self._answers = answers
        self._socket = _opened(host, port)
        self._socket.settimeout(0)
        self.port: int = self._socket.getsockname()[1]
        self._open: dict[socket.socket, _Connection] = {}
        # Not epoll: what the kernel keeps for that would be shared with every process that is forked.
        self._selector = selectors.PollSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        os.register_at_fork(after_in_child=self._forget)

    def run(self) -> None:
        while True:
            ready = self._selector.select(PATIENCE_SECONDS / 5 if self._open else None)
            try:
                with during_answers:
                    self._turn([key.fileobj for key, _ in ready])
            except Exception:
                logger.exception("metrics.failed")
                time.sleep(_AGAIN_SECONDS)  # as with no file descriptor left: one comes back

    def _turn(self, ready: list[object]) -> None:
        for each in ready:
            if each is self._socket:
                self._accept()
            elif isinstance(each, socket.socket) and each in self._open:
                self._go_on(each, self._open[each])
        now = time.monotonic()
        for each in [late for late, connection in self._open.items() if connection.late_at <= now]:
            self._drop(each)

    def _accept(self) -> None:
        try:
            taken, _ = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        taken.settimeout(0)
        if len(self._open) >= CONNECTIONS:
            self._drop(next(iter(self._open)))
        self._open[taken] = _Connection(late_at=time.monotonic() + PATIENCE_SECONDS)
        self._selector.register(taken, selectors.EVENT_READ)

    def _go_on(self, with_: socket.socket, connection: _Connection) -> None:
        try:
            done = (
                self._read(with_, connection) if connection.goes is None else self._write(with_, connection)
            )
        except BlockingIOError:
            return
        except OSError:  # it is gone
            done = True
        if done:
            self._drop(with_)

    def _read(self, with_: socket.socket, connection: _Connection) -> bool:
        """Whether all is said."""
        piece = with_.recv(_PIECE)
        connection.came += piece
        if b"\r\n\r\n" not in connection.came:
            return not piece or len(connection.came) > HEAD_LIMIT_BYTES
        connection.goes = memoryview(_Exchange(connection.came, self._answers).said.getvalue())
        self._selector.modify(with_, selectors.EVENT_WRITE)
        return self._write(with_, connection)

    @staticmethod
    def _write(with_: socket.socket, connection: _Connection) -> bool:
        """Whether all is said."""
        if connection.goes:
            connection.goes = connection.goes[with_.send(connection.goes) :]
        return not connection.goes

    def _drop(self, which: socket.socket) -> None:
        del self._open[which]
        self._selector.unregister(which)
        with suppress(OSError):  # a process that was forked meanwhile may have it too: to close is not enough
            which.shutdown(socket.SHUT_RDWR)
        which.close()

    def _forget(self) -> None:
        """A process was forked: the port is not its."""
        for each in (self._socket, *self._open):
            each.close()
        self._open.clear()


def _opened(host: str, port: int) -> socket.socket:
    if not host and socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=32)
    return socket.create_server(
        (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=32
    )
