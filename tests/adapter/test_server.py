"""The server bears what comes: rubbish, the slow, too many, new certificates, its own end."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from jobs.adapter.caller import Authority as Believed
from jobs.adapter.certificates import issue
from jobs.adapter.connection import Patience
from tests.adapter.serving import AUDITED, DAY, LOAD, USER, Serving, asked, config_map, serving
from tests.workers import eventually

EITHER_WAY = pytest.mark.parametrize("headers", [USER, AUDITED], ids=["user", "audited"])
GET = f"GET {LOAD} HTTP/1.1\r\nHost: x\r\nX-Remote-User: me\r\n\r\n".encode()


@pytest.fixture
def served(authority) -> Iterator[Serving]:
    with serving(authority, default=12) as running:
        yield running


def opened(served: Serving, certificate, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
    """A connection with its handshake done."""
    raw = socket.create_connection(("127.0.0.1", served.server.port), timeout=30)
    context = context or served.caller(certificate).context()
    return context.wrap_socket(raw, server_hostname="adapter.demo.svc")


def all_of(connection: socket.socket) -> bytes:
    """What comes until the end."""
    found = b""
    with suppress(OSError):
        while more := connection.recv(65536):
            found += more
    return found


def statuses(told: bytes) -> list[bytes]:
    """Of the answers that came."""
    return re.findall(rb"HTTP/1\.1 (\d{3}) ", told)


def alone(served: Serving) -> bool:
    return not served.server._connections


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x00" * 100 + b"\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000,
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"x" * 200_000 + b"\r\n\r\n",
        b"x" * 200_000,
    ],
    ids=["zeros", "version", "no version", "a body", "chunks", "a long header", "no end"],
)
def test_rubbish_gets_one_refusal_and_the_end(served, front_proxy, rubbish):
    with opened(served, front_proxy) as connection:
        with suppress(OSError):  # it is refused before it is over
            connection.sendall(rubbish)
        told = all_of(connection)
    assert [status[:1] in b"45" for status in statuses(told)] == [True]
    assert b"Connection: close\r\n" in told
    assert b'"kind":"Status"' in told
    eventually(lambda: alone(served))


def test_bytes_that_are_no_tls_end_their_connection_alone(served, front_proxy):
    with socket.create_connection(("127.0.0.1", served.server.port), timeout=30) as raw:
        raw.sendall(GET)
        assert b"HTTP" not in all_of(raw)
    assert served.caller(front_proxy).get(LOAD)[0] == 200


def test_only_http_1_1_is_agreed_on(served, front_proxy):
    context = served.caller(front_proxy).context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with opened(served, front_proxy, context) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(served, front_proxy, version):
    context = served.caller(front_proxy).context()
    context.minimum_version = context.maximum_version = version
    with opened(served, front_proxy, context) as connection:
        connection.sendall(GET)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_requests_that_come_together_are_answered_in_their_order(served, front_proxy):
    more = b"GET /nothing HTTP/1.1\r\nX-Remote-User: me\r\n\r\n"
    with opened(served, front_proxy) as connection:
        connection.sendall(GET + more + GET[:20])
        connection.sendall(GET[20:-2] + b"Connection: close\r\n\r\n" + GET)
        told = all_of(connection)
    assert statuses(told) == [b"200", b"404", b"200"], "what follows a `close` is not answered"


@EITHER_WAY
def test_a_connection_serves_many_requests_until_the_client_says_close(served, front_proxy, headers):
    by = served.caller(front_proxy)
    connection = by.connection()
    for _ in range(50):
        assert asked(connection, LOAD, headers)[2]["Connection"] is None
    assert asked(connection, LOAD, headers | {"Connection": "close"})[2]["Connection"] == "close"
    eventually(lambda: alone(served))


def test_a_client_that_says_nothing_is_left(authority, front_proxy):
    short = Patience(handshake=0.3, request=0.3, idle=0.3, end=0.3)
    with serving(authority, patience=short, default=1) as served:
        with socket.create_connection(("127.0.0.1", served.server.port), timeout=30) as raw:
            assert all_of(raw) == b"", "no handshake"
        with opened(served, front_proxy) as connection:
            assert all_of(connection) == b"", "no request"
        with opened(served, front_proxy) as connection:
            connection.sendall(GET[:30])
            assert all_of(connection) == b"", "half a request"
        with opened(served, front_proxy) as connection:
            connection.sendall(GET)
            assert all_of(connection).count(b"HTTP/1.1 200") == 1, "no second request"
        eventually(lambda: alone(served))


def test_a_client_that_drips_is_left(authority, front_proxy):
    with serving(authority, patience=Patience(request=0.5, end=0.3), default=1) as served:
        connection = opened(served, front_proxy)
        began = time.monotonic()
        with suppress(OSError):
            while time.monotonic() < began + 20:
                connection.sendall(b"x")
                time.sleep(0.01)  # it drips
        assert time.monotonic() < began + 20
        connection.close()
        eventually(lambda: alone(served))


def test_a_client_that_does_not_read_is_left(authority, front_proxy):
    with serving(authority, patience=Patience(request=0.5, idle=0.5, end=0.3), default=1) as served:
        connection = opened(served, front_proxy)
        with suppress(OSError):
            while True:
                connection.sendall(GET * 100)
        connection.close()
        eventually(lambda: alone(served))


def test_who_is_slow_holds_up_nobody(served, front_proxy):
    with ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(socket.create_connection(("127.0.0.1", served.server.port)))
            stack.enter_context(opened(served, front_proxy))
        assert served.caller(front_proxy).get(LOAD)[0] == 200


def test_there_are_so_many_connections_and_no_more(authority, front_proxy, caplog):
    with serving(authority, connections=3, default=1) as served:
        with ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(opened(served, front_proxy))
            with pytest.raises(OSError):  # noqa: PT011 - reset or at its end, as it comes
                opened(served, front_proxy)
        assert "adapter.full" in caplog.text
        eventually(lambda: alone(served))
        assert served.caller(front_proxy).get(LOAD)[0] == 200


# What changes while it runs


@EITHER_WAY
def test_a_new_certificate_is_shown_and_open_connections_go_on(served, front_proxy, headers):
    by = served.caller(front_proxy)
    connection = by.connection()
    assert asked(connection, LOAD, headers)[0] == 200
    new = issue(["adapter.demo.svc"], DAY)
    served.standing.show(new.pair)
    assert asked(connection, LOAD, headers)[2]["Connection"] is None
    with pytest.raises(ssl.SSLCertVerificationError):
        by.get(LOAD)
    by.believes = new.authority
    assert by.get(LOAD)[0] == 200
    connection.close()


def test_a_certificate_that_cannot_be_shown_is_not(served, front_proxy):
    pair, other = (issue(["adapter.demo.svc"], DAY).pair for _ in range(2))
    with pytest.raises(OSError):  # noqa: PT011 - whatever OpenSSL says
        served.standing.show(type(pair)(certificate=pair.certificate, key=other.key))
    assert served.caller(front_proxy).get(LOAD)[0] == 200


@EITHER_WAY
def test_a_new_authority_holds_for_new_connections_and_old_ones_end_with_an_answer(
    served, front_proxy, stranger, headers
):
    by = served.caller(front_proxy)
    connection = by.connection()
    assert asked(connection, LOAD, headers)[0] == 200
    served.standing.believe(Believed.of(config_map(stranger.pem)["data"]))
    status, _, told = asked(connection, LOAD, headers)
    assert (status, told["Connection"]) == (200, "close")
    with pytest.raises(OSError):  # noqa: PT011 - refused in the handshake, or after it
        by.get(LOAD)
    assert served.caller(stranger.client("anybody")).get(LOAD)[0] == 200


@EITHER_WAY
def test_a_server_that_stops_answers_what_is_on_its_way_and_says_that_it_closes(
    authority, front_proxy, headers
):
    with serving(authority, default=12) as served:
        by = served.caller(front_proxy)
        connection, idle = by.connection(), opened(served, front_proxy)
        assert asked(connection, LOAD, headers)[0] == 200
        stopping = threading.Thread(target=served.server.stop)
        stopping.start()
        eventually(lambda: served.server._house.stops)
        status, _, told = asked(connection, LOAD, headers)
        assert (status, told["Connection"]) == (200, "close")
        assert idle.recv(1) == b"", "it says its end, as TLS has it"
        idle.close()
        stopping.join(30)
        assert alone(served)
        with pytest.raises(ConnectionRefusedError):
            opened(served, front_proxy)
