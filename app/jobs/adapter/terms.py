"""On what terms a connection is made: the certificate that is shown, and whose certificates are believed."""

import ssl
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from jobs.adapter.caller import Authority


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A certificate, with what leads to its authority if need be, and its key; as PEM."""

    certificate: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What holds for a new connection. One that is there keeps its own."""

    context: ssl.SSLContext
    authority: Authority | None


class Standing:
    """The terms as they are now. Python's contexts forget no authority, so each change is a new one."""

    def __init__(self, pair: Pair) -> None:
        self._changing = threading.Lock()
        self._pair = pair
        self._authority: Authority | None = None
        self.now = self._made(pair, None)

    def show(self, pair: Pair) -> None:
        """Show this certificate from now on.

        Raises:
            OSError: it cannot be shown (`ssl.SSLError`); all stays as it was.
        """
        with self._changing:
            self.now, self._pair = self._made(pair, self._authority), pair

    def believe(self, authority: Authority) -> None:
        """Believe those for whom this authority vouches, from now on.

        Raises:
            OSError: its certificates cannot be read; all stays as it was.
        """
        with self._changing:
            self.now, self._authority = self._made(self._pair, authority), authority

    def _made(self, pair: Pair, authority: Authority | None) -> Terms:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        # Each connection proves itself anew; and a client that just goes is no error.
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_IGNORE_UNEXPECTED_EOF
        _load(context, pair)
        # Asked for and not required: the kubelet's probes have none.
        context.verify_mode = ssl.CERT_OPTIONAL
        if authority is not None:
            # What stands in the list is believed, whoever signed it: as the API servers have it.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.load_verify_locations(cadata=authority.certificates)
        return Terms(context=context, authority=authority)


def _load(context: ssl.SSLContext, pair: Pair) -> None:
    """Python reads certificates from files alone; this one is ours only, and gone at once."""
    with tempfile.TemporaryDirectory(prefix="taskbell-") as directory:
        file = Path(directory) / "tls.pem"
        file.touch(mode=0o600)
        file.write_text(f"{pair.certificate.rstrip()}\n{pair.key.rstrip()}\n")
        context.load_cert_chain(file, password="")  # a key that needs one is refused, and nobody asked
