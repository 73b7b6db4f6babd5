"""A proxy before Redis that loses replies: the command has run, and its caller never hears of it."""

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class CuttingProxy:
    """Forwards to a port of this machine, and loses replies.

    While `cut_share` is above 0, that share of all replies is lost together with its connection:
    whole, or after its first bytes.
    """

    def __init__(self, port: int, seed: int | str) -> None:
        self.cut_share = 0.0
        self.cuts = 0
        self._port = port
        self._random = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def hold(self) -> None:
        """Carry nothing, and let connections stand: as a network does that swallows packets."""
        self._flows.clear()

    def flow(self) -> None:
        """Undo `hold`; what was held arrives."""
        self._flows.set()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._flows.set()
        with self._lock:
            for each in self._open:
                _end(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._port))
            except OSError:  # Redis is away
                client.close()
                continue
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.update((client, server))
            for source, target, is_reply in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pump, args=(source, target, is_reply), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_reply: bool) -> None:  # noqa: FBT001
        try:
            while data := source.recv(65536):
                self._flows.wait()
                if is_reply and self._cuts():
                    target.sendall(data[: self._random.choice((0, 0, 1, len(data) // 2))])
                    break
                target.sendall(data)
        except OSError:
            pass  # the other direction was cut
        finally:
            _end(source)
            _end(target)
            with self._lock:
                self._open.discard(source)
            source.close()

    def _cuts(self) -> bool:
        with self._lock:
            cut = self._random.random() < self.cut_share
            self.cuts += cut
        return cut


@contextmanager
def cutting_proxy(port: int, seed: int | str = 0) -> Iterator[CuttingProxy]:
    """A proxy before a port, that cuts nothing yet."""
    proxy = CuttingProxy(port, seed)
    try:
        yield proxy
    finally:
        proxy.close()


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # it had ended
        connection.shutdown(socket.SHUT_RDWR)
