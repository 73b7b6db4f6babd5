"""One connection, from its handshake to its end, in a thread of its own."""

import logging
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from jobs.adapter.answer import Answer, refused
from jobs.adapter.caller import Authority
from jobs.adapter.request import Malformed, Memory, Request, request
from jobs.adapter.terms import Standing

logger = logging.getLogger("jobs.adapter")
_RECORD_BYTES = 16 * 1024
"""What TLS hands out at once, at the most."""
_DRAINED_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How many seconds a client has."""

    handshake: float = 5
    request: float = 10
    """From a request's first byte to its last, and again for its answer."""
    idle: float = 180
    """Between two requests. The API server closes its own after 90: who asks closes, so that no question
    crosses an end."""
    end: float = 1


@dataclass(kw_only=True)
class House:
    """What all connections have in common."""

    standing: Standing
    answer: Callable[[Request, Authority | None], Answer]
    doubt: Callable[[str], None]
    """Told when somebody's certificate is refused."""
    patience: Patience
    stops: bool = False
    """Whether each next answer is the last of its connection."""


class Connection:
    """A client's connection. Its sockets block: who watches `deadline` calls `cut`."""

    def __init__(self, raw: socket.socket, house: House) -> None:
        self._socket = raw
        self._house = house
        self.deadline = time.monotonic() + house.patience.handshake
        self.was_cut = False

    def run(self) -> None:
        """Serve it until its end. Raises nothing: what goes wrong is the client's, or is logged."""
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            terms = self._house.standing.now
            tls = terms.context.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=False)
            self._socket = tls
            tls.do_handshake()
            self._serve(tls, self._vouched(tls, terms.authority))
            self._wait(self._house.patience.end)
            tls.unwrap().close()  # says that this is the end, and not a network that broke
        except ssl.SSLCertVerificationError as error:
            self._house.doubt(error.verify_message)
        except OSError:
            pass
        except Exception:
            logger.exception("connection.failed")
        finally:
            self._socket.close()

    def cut(self) -> None:
        """End what it waits for: what it reads first, and when called again, what it writes too."""
        how = socket.SHUT_RDWR if self.was_cut else socket.SHUT_RD
        self.was_cut = True
        self._wait(self._house.patience.end)
        with suppress(OSError):
            # Not the TLS socket's own method, which forgets that there is TLS.
            socket.socket.shutdown(self._socket, how)

    def _wait(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds

    def _vouched(self, tls: ssl.SSLSocket, authority: Authority | None) -> Authority | None:
        """The authority, if it vouches for who connected; None for a stranger."""
        certificate = tls.getpeercert()
        if authority is None or not certificate:
            return None
        if authority.vouches(certificate):
            return authority
        self._house.doubt(f"not an allowed name: {certificate.get('subject')}")
        return None

    def _serve(self, tls: ssl.SSLSocket, authority: Authority | None) -> None:
        patience, buffer, memory = self._house.patience, b"", Memory()
        read, write = _bare(tls)
        # A stranger may ask how we are, and holds up nobody's place longer than that takes.
        self._wait(patience.request if authority is None else patience.idle)
        try:
            while more := read(_RECORD_BYTES):
                now = time.monotonic()
                if not buffer:
                    self.deadline = now + patience.request
                    if now < memory.until and memory.same(more) and self._goes_on(authority):
                        _send(write, memory.told)
                        self.deadline = now + patience.idle
                        continue
                asked, buffer = request(buffer + more)
                while asked is not None:
                    answer = self._answer(asked, authority)
                    if asked.closes or not self._goes_on(authority):
                        _send(write, answer.closes)
                        return
                    _send(write, answer.goes_on)
                    self._wait(patience.idle)
                    memory.keep(asked.head, answer.goes_on, answer.until)
                    asked, buffer = request(buffer)
        except Malformed as error:
            self._wait(patience.request)
            _send(write, refused(error.status, str(error)).closes)
            self._drain(tls)

    def _answer(self, asked: Request, authority: Authority | None) -> Answer:
        try:
            return self._house.answer(asked, authority)
        except Exception:
            logger.exception("request.failed")
            return refused(500, "an unexpected error")

    def _goes_on(self, authority: Authority | None) -> bool:
        """Whether another request may follow.

        Whom an authority let in that is no more comes again, by the new one.
        """
        house = self._house
        return authority is not None and not house.stops and house.standing.now.authority is authority

    def _drain(self, tls: ssl.SSLSocket) -> None:
        """Read on for a moment: a connection that closes with bytes unread takes its answer with it."""
        self._wait(self._house.patience.end)
        left = _DRAINED_BYTES
        while left > 0 and (more := tls.recv(_RECORD_BYTES)):
            left -= len(more)


def _bare(tls: ssl.SSLSocket) -> tuple[Callable[[int], bytes], Callable[[bytes], int]]:
    """Read and write on a connection whose handshake is done.

    `recv` and `send` call these, and check first, each time, what holds here all the time: up to a tenth of
    what a read of a metric costs.
    """
    bare: Any = tls._sslobj  # type: ignore[attr-defined] # noqa: SLF001 - Python shows it in no other way
    return bare.read, bare.write


def _send(write: Callable[[bytes], int], told: bytes) -> None:
    while (sent := write(told)) < len(told):
        told = told[sent:]
