"""What is a request, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.adapter.request import HEAD_LIMIT_BYTES, Malformed, Memory, header, request

GET = b"GET /apis HTTP/1.1\r\nHost: x\r\nX-Remote-User: me \r\nx-remote-user: other\r\nEmpty:\r\n\r\n"


def test_a_request_is_taken_out_of_the_buffer():
    found, rest = request(GET + b"GET /next")
    assert found is not None
    assert (found.target, found.closes, rest) == (b"/apis", False, b"GET /next")
    assert found.header(header("X-Remote-User")) == b"me"
    assert (
        found.header(header("Empty")) == found.header(header("absent")) == found.header(header("user")) == b""
    )


@pytest.mark.parametrize("size", range(len(GET)))
def test_a_part_of_a_request_is_none_yet(size):
    assert request(GET[:size]) == (None, GET[:size])


@pytest.mark.parametrize(
    ("head", "closes"),
    [
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nConnection: Keep-Alive, Close\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", False),
    ],
)
def test_the_client_says_whether_it_wants_more(head, closes):
    found, _ = request(head)
    assert found is not None
    assert found.closes is closes


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST / HTTP/1.1\r\n\r\n", 405),
        (b"HEAD / HTTP/1.1\r\n\r\n", 405),
        (b"get / HTTP/1.1\r\n\r\n", 405),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 413),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nTRANSFER-encoding:\r\n\r\n", 413),
        (b"GET /a b HTTP/1.1\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1 \r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\n\r\n", 400),
        (b"GET /\xc3\xa4 HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nNo colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nSpace : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: x\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: x\nB: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: x\rB: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: \x00\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * HEAD_LIMIT_BYTES + b"\r\n\r\n", 431),
        (b"a" * (HEAD_LIMIT_BYTES + 1), 431),
    ],
)
def test_what_has_no_answer_is_refused(head, status):
    with pytest.raises(Malformed) as refused:
        request(head)
    assert refused.value.status == status


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_refused(noise):
    try:
        found, _ = request(noise + b"\r\n\r\n")
    except Malformed as refusal:
        status = refusal.status
    else:
        status = 200 if found else 0
    assert status in (200, 400, 405, 413, 505)


ASKED = (
    b"GET /apis HTTP/1.1\r\nHost: a\r\nAudit-Id: 0c5f3bb1-4f0e-4a3c-9b0a-8a7d6a3f6f5e\r\n"
    b"X-Remote-User: u\r\n\r\n"
)
OTHER_ID = b"7d1e9a00-0000-4a3c-9b0a-8a7d6a3f6f5f"


def remembering(head: bytes) -> Memory:
    memory = Memory()
    memory.keep(head, b"told", 7.0)
    return memory


def test_a_request_that_differs_in_its_audit_id_alone_is_the_same():
    memory = remembering(ASKED)
    assert (memory.told, memory.until) == (b"told", 7.0)
    for head in (ASKED, ASKED.replace(b"0c5f3bb1-4f0e-4a3c-9b0a-8a7d6a3f6f5e", OTHER_ID)):
        assert memory.same(head)


@pytest.mark.parametrize("head", [
    ASKED.replace(b": u\r", b": v\r"),
    ASKED.replace(b"/apis", b"/healthz"),
    ASKED.replace(b"/apis", b"/apit"),
    ASKED.replace(b"8a7d6a3f6f5e", b"8a7d6a3f6f\r\n"),
    ASKED.replace(b"8a7d6a3f6f5e", b"8a7d6a3f6f5x"),
    ASKED + b"G",
    ASKED + ASKED,
    ASKED[:-1],
    b"",
])  # fmt: skip
def test_whatever_else_differs_is_another(head):
    assert not remembering(ASKED).same(head)


@pytest.mark.parametrize("head", [
    b"GET /apis HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /0123456789abcdef0123456789abcdef0123456789abcdef HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /apis HTTP/1.1\r\nAudit-Id: a\r\nX-Remote-User: somebody-or-other\r\n\r\n",
])  # fmt: skip
def test_of_a_request_without_a_whole_audit_id_nothing_is_kept(head):
    memory = remembering(ASKED)
    memory.keep(head, b"told", 7.0)
    assert memory.until == Memory().until == float("-inf")
