"""The server: takes connections, gives each a thread, and ends those that take too long."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from jobs.adapter.answer import Answer
from jobs.adapter.caller import Authority
from jobs.adapter.connection import Connection, House, Patience
from jobs.adapter.request import Request
from jobs.adapter.terms import Standing

logger = logging.getLogger("jobs.adapter")
CONNECTIONS = 64
"""At once; further ones are closed as they come."""
STOP_SECONDS = 2.0
"""How long a connection stays open after `stop` for the request that is on its way."""
_WATCH_SECONDS = 0.2
_FULL_SAID_EVERY_SECONDS = 60.0


class Server:
    """HTTPS on a port, from `start` to `stop`."""

    def __init__(
        self,
        address: tuple[str, int],
        standing: Standing,
        answer: Callable[[Request, Authority | None], Answer],
        *,
        doubt: Callable[[str], None] = lambda _: None,
        patience: Patience | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        """Open the port.

        Raises:
            OSError: it is taken, or may not be had.
        """
        self._stop_at = float("inf")
        self._house = House(standing=standing, answer=answer, doubt=doubt, patience=patience or Patience())
        self._places = threading.Semaphore(connections)
        self._connections: set[Connection] = set()
        self._full_said_at = float("-inf")
        self._listener = _listener(*address)
        self.port: int = self._listener.getsockname()[1]

    def start(self) -> None:
        for work in (self._accept, self._watch):
            threading.Thread(target=work, name=work.__name__.strip("_"), daemon=True).start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Take no more connections; end those that are there, each with its next answer if one comes."""
        logger.info("adapter.stopping connections=%d", len(self._connections))
        self._stop_at, self._house.stops = time.monotonic() + seconds, True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits in `accept`
        self._listener.close()
        last = self._stop_at + 2 * self._house.patience.end + 1
        while self._connections and time.monotonic() < last:
            time.sleep(0.02)

    def _accept(self) -> None:
        while not self._house.stops:
            try:
                raw, _ = self._listener.accept()
            except OSError as error:
                if not self._house.stops:
                    logger.warning("adapter.not_accepted reason=%s", error)
                    time.sleep(0.1)  # as with no file descriptor left: one comes back
                continue
            if self._places.acquire(blocking=False):
                self._begin(Connection(raw, self._house), raw)
            else:
                raw.close()
                self._say_full()

    def _say_full(self) -> None:
        now = time.monotonic()
        if now >= self._full_said_at + _FULL_SAID_EVERY_SECONDS:
            self._full_said_at = now
            logger.warning("adapter.full connections=%d", len(self._connections))

    def _begin(self, connection: Connection, raw: socket.socket) -> None:
        self._connections.add(connection)
        thread = threading.Thread(target=self._run, args=(connection,), name="connection", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system gives no thread
            logger.warning("adapter.not_accepted reason=%s", error)
            raw.close()
            self._end(connection)

    def _run(self, connection: Connection) -> None:
        try:
            connection.run()
        finally:
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._places.release()

    def _watch(self) -> None:
        while True:
            time.sleep(_WATCH_SECONDS)
            now = time.monotonic()
            for connection in self._connections.copy():
                if now > connection.deadline or (now > self._stop_at and not connection.was_cut):
                    connection.cut()


def _listener(host: str, port: int) -> socket.socket:
    if not host and socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)
