"""Asks a server the same again and again, at a steady pace, and does little else.

Where there are few cores, who asks takes caches from who answers: many imports here make an answer dearer.
`reads.py PORT NAME AUTHORITY CERTIFICATE KEY REQUEST CONNECTIONS A_SECOND SECONDS`; REQUEST is a file,
with `AUDIT` where each request has an id of its own. It says `ready`, waits for a line, and tells at its end
how many reads there were.
"""

import socket
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

READ_BYTES = 64 * 1024


class Reader:
    """One connection."""

    def __init__(self, tls: ssl.SSLSocket, request: bytes, gap: float, seconds: float) -> None:
        self._tls, self._gap, self._seconds = tls, gap, seconds
        self._before, _, self._after = request.partition(b"AUDIT")
        self.reads = 0
        self.read()  # what only a first one costs

    def read(self) -> None:
        self._tls.sendall(b"%b0c5f3bb1-4f0e-4a3c-9b0a-%012x%b" % (self._before, self.reads, self._after))
        told = self._tls.recv(READ_BYTES)
        if not told.startswith(b"HTTP/1.1 200 ") or not told.endswith(b"}\n"):
            raise ValueError(f"not an answer: {told!r}")
        self.reads += 1

    def run(self) -> int:
        following, self.reads = time.monotonic(), 0
        until = following + self._seconds
        while following < until:
            self.read()
            following += self._gap
            time.sleep(max(0.0, following - time.monotonic()))
        return self.reads


def main(port: str, name: str, authority: str, crt: str, key: str, request: str, *numbers: str) -> None:
    connections, a_second, seconds = map(float, numbers)
    context = ssl.create_default_context(cafile=authority)
    context.load_cert_chain(crt, key)
    readers = []
    for _ in range(int(connections)):
        raw = socket.create_connection(("127.0.0.1", int(port)), timeout=30)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tls = context.wrap_socket(raw, server_hostname=name)
        readers.append(Reader(tls, Path(request).read_bytes(), connections / a_second, seconds))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with ThreadPoolExecutor(len(readers)) as pool:
        running = []
        for reader in readers:
            running.append(pool.submit(reader.run))
            time.sleep(1 / a_second)  # one after the other, not all at an instant
        done = sum(each.result() for each in running)  # or what went wrong in one of them
    sys.stdout.write(f"{done}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
