"""One connection, from its handshake to its end, in a thread of its own."""

import logging
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

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
        # A stranger may ask how we are, and holds up nobody's place longer than that takes.
        self._wait(patience.request if authority is None else patience.idle)
        try:
            while more := tls.recv(_RECORD_BYTES):
                if not buffer:
                    self._wait(patience.request)
                asked = None if buffer else memory.same(more)
                if asked is None:
                    asked, buffer = request(buffer + more if buffer else more)
                    if asked is not None:
                        memory.keep(asked)
                while asked is not None:
                    if not self._answered(tls, asked, authority):
                        return
                    asked, buffer = request(buffer) if buffer else (None, b"")
        except Malformed as error:
            self._wait(patience.request)
            tls.sendall(refused(error.status, str(error)).closes)
            self._drain(tls)

    def _answered(self, tls: ssl.SSLSocket, asked: Request, authority: Authority | None) -> bool:
        """Answer one request; gives whether another may follow."""
        house = self._house
        try:
            answer = house.answer(asked, authority)
        except Exception:
            logger.exception("request.failed")
            answer = refused(500, "an unexpected error")
        # Whom an authority let in that is no more comes again, by the new one.
        if asked.closes or authority is None or house.stops or house.standing.now.authority is not authority:
            tls.sendall(answer.closes)
            return False
        told = answer.goes_on
        if (sent := tls.send(told)) < len(told):
            tls.sendall(told[sent:])
        self.deadline = time.monotonic() + house.patience.idle
        return True

    def _drain(self, tls: ssl.SSLSocket) -> None:
        """Read on for a moment: a connection that closes with bytes unread takes its answer with it."""
        self._wait(self._house.patience.end)
        left = _DRAINED_BYTES
        while left > 0 and (more := tls.recv(_RECORD_BYTES)):
            left -= len(more)
