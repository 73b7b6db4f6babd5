"""Who may call is read from the cluster, and read again."""

import json
from datetime import timedelta

import pytest

from jobs.adapter import caller
from jobs.adapter.caller import Authority, Callers
from jobs.adapter.request import Request, request
from tests.adapter.serving import config_map
from tests.workers import eventually

HOUR = timedelta(hours=1)


def changed(**data: str | None) -> dict[str, str]:
    whole = config_map("-----BEGIN CERTIFICATE-----")["data"] | data
    return {key: value for key, value in whole.items() if value is not None}


def test_the_headers_names_are_the_clusters():
    data = changed(**{"requestheader-username-headers": '["X-One", "X-Two"]'})
    authority = Authority.of(data)
    assert authority.user(told("X-Two: me")) == b"me"
    assert authority.user(told("X-Two: me", "X-ONE: You")) == b"You"
    assert authority.user(told("X-Remote-User: me")) == b""


def told(*headers: str) -> Request:
    found, _ = request("\r\n".join(["GET / HTTP/1.1", *headers, "", ""]).encode())
    assert found is not None
    return found


@pytest.mark.parametrize(
    "data",
    [
        {},
        changed(**{"requestheader-client-ca-file": None}),
        changed(**{"requestheader-client-ca-file": ""}),
        changed(**{"requestheader-username-headers": "[]"}),
        changed(**{"requestheader-username-headers": "no JSON"}),
        changed(**{"requestheader-allowed-names": '{"a": 1}'}),
        changed(**{"requestheader-allowed-names": "[1]"}),
    ],
)
def test_a_config_map_that_does_not_say_who_is_believed_for_nothing(data):
    with pytest.raises(ValueError):  # noqa: PT011 - whatever JSON says
        Authority.of(data)


def test_what_the_cluster_says_is_read_again(api, authority, stranger):
    known: list[Authority] = []
    callers = Callers(api.kubernetes(), known.append, every=timedelta(0))
    callers.start()
    eventually(lambda: ("GET", caller.WHERE) in api.calls)
    api.put(caller.WHERE, config_map(authority.pem, "front-proxy-client"))
    eventually(lambda: known)
    api.put(caller.WHERE, config_map(stranger.pem, "other", "names"))
    eventually(lambda: len(known) == 2)
    assert [each.names for each in known] == [{"front-proxy-client"}, {"other", "names"}]


def test_a_certificate_that_is_refused_makes_it_look(api, authority, stranger):
    known: list[Authority] = []
    callers = Callers(api.kubernetes(), known.append, every=HOUR)
    api.put(caller.WHERE, config_map(authority.pem))
    callers.start()
    eventually(lambda: known)
    api.put(caller.WHERE, config_map(stranger.pem))
    callers.doubt("no such authority")
    eventually(lambda: len(known) == 2)


def test_what_was_known_holds_while_the_api_is_away(api, authority):
    known: list[Authority] = []
    callers = Callers(api.kubernetes(), known.append, every=timedelta(0))
    api.put(caller.WHERE, config_map(authority.pem))
    callers.start()
    eventually(lambda: known)
    api.denied.add(("GET", caller.WHERE))
    looks = len(api.calls)
    eventually(lambda: len(api.calls) > looks + 1)
    api.denied.clear()
    api.put(caller.WHERE, config_map(authority.pem, json.dumps("x")))
    eventually(lambda: len(known) == 2)
