"""A server that answers whatever comes with the same bytes: what Python's TLS costs by itself.

`bare_tls.py CERTIFICATE ANSWER`, two files; it says its port.
"""

import socket
import ssl
import sys
import threading
from contextlib import suppress
from pathlib import Path


def serve(raw: socket.socket, context: ssl.SSLContext, answer: bytes) -> None:
    with suppress(OSError):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(raw, server_side=True) as tls:
            while tls.recv(16 * 1024):
                tls.send(answer)


def main(certificate: str, answer: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"listening port={listener.getsockname()[1]}\n")
    sys.stdout.flush()
    told = Path(answer).read_bytes()
    while True:
        raw, _ = listener.accept()
        threading.Thread(target=serve, args=(raw, context, told), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
