"""What callers get, over real TLS."""

import threading
from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import quote

import pytest

from jobs.errors import LedgerUnavailable
from tests.adapter.serving import AUDITED, BASE, DEFAULT_POOL, LOAD, Serving, asked, curl, serving
from tests.workers import eventually

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@pytest.fixture
def served(authority) -> Iterator[Serving]:
    with serving(authority, "front-proxy-client", default=12, mail=Decimal("1.5")) as running:
        yield running


@pytest.fixture
def ask(served, front_proxy):
    return served.caller(front_proxy).get


# Who calls


def test_the_api_server_is_answered(served, front_proxy, tmp_path):
    by = served.caller(front_proxy)
    status, body = curl(tmp_path, by, LOAD, "--header", "X-Remote-User: me")
    assert (status, '"value":"12"' in body) == (200, True)


def test_who_has_no_certificate_gets_the_probes_alone(served, tmp_path):
    by = served.caller(None)
    assert curl(tmp_path, by, LOAD, "--header", "X-Remote-User: me")[0] == 401
    assert [by.get(path)[0] for path in (LOAD, BASE, "/apis", "/openapi/v2", "/nothing")] == [401] * 5
    assert [by.get(path)[0] for path in ("/healthz", "/livez", "/livez?verbose")] == [200] * 3


def test_a_certificate_of_another_authority_is_refused_in_the_handshake(served, stranger, tmp_path):
    by = served.caller(stranger.client("front-proxy-client"))
    assert curl(tmp_path, by, LOAD, "--header", "X-Remote-User: me")[0] < 100
    eventually(lambda: served.doubts)


def test_a_certificate_of_another_name_is_a_strangers(served, authority):
    by = served.caller(authority.client("somebody"))
    assert by.get(LOAD)[0] == 401
    assert by.get("/healthz")[0] == 200
    assert served.doubts


def test_a_servers_certificate_is_no_callers(served, authority, tmp_path):
    by = served.caller(authority.client("front-proxy-client", usage="serverAuth"))
    assert curl(tmp_path, by, LOAD)[0] < 100


def test_any_name_is_allowed_where_none_is_named(authority):
    with serving(authority, default=1) as served:
        assert served.caller(authority.client("somebody")).get(LOAD)[0] == 200


def test_a_caller_says_for_which_user_it_asks(served, front_proxy):
    by = served.caller(front_proxy)
    by.headers = {"X-Remote-Group": "system:masters"}
    status, document, _ = by.get(LOAD)
    assert (status, document["kind"], document["reason"]) == (403, "Status", "Forbidden")
    assert by.get(LOAD, **{"X-Remote-User": ""})[0] == 403


# What there is


def test_the_group_its_version_and_its_metric_are_listed(ask):
    assert ask("/apis")[1]["groups"][0]["name"] == "external.metrics.k8s.io"
    assert ask("/apis/external.metrics.k8s.io")[1]["preferredVersion"]["version"] == "v1beta1"
    status, listed, headers = ask(BASE)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert (listed["kind"], listed["groupVersion"]) == ("APIResourceList", "external.metrics.k8s.io/v1beta1")
    assert [(each["name"], each["namespaced"]) for each in listed["resources"]] == [
        ("taskbell_autoscale_load", True)
    ]


@pytest.mark.parametrize(
    ("wanted", "values"),
    [
        ("", {"default": "12", "mail": "1500m"}),
        ("pool=default", {"default": "12"}),
        ("pool=default,release=shop", {"default": "12"}),
        ("pool in (mail, bulk),release", {"mail": "1500m"}),
        ("pool!=default", {"mail": "1500m"}),
        ("release=other", {}),
    ],
)
def test_a_selector_chooses_the_pools(ask, wanted, values):
    status, found, _ = ask(f"{LOAD}?labelSelector={quote(wanted)}&limit=500")
    assert (status, found["kind"]) == (200, "ExternalMetricValueList")
    assert {each["metricLabels"]["pool"]: each["value"] for each in found["items"]} == values
    assert {each["metricLabels"]["release"] for each in found["items"]} <= {"shop"}


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        (f"{LOAD}?labelSelector={quote('pool in (')}", 400, "BadRequest"),
        (f"{LOAD}?labelSelector=%ff", 400, "BadRequest"),
        ("/apis/%ff", 400, "BadRequest"),
        (f"{LOAD}?watch=true", 405, "MethodNotAllowed"),
        (f"{BASE}/namespaces/demo/other_metric", 404, "NotFound"),
        (f"{BASE}/namespaces/other/taskbell_autoscale_load", 404, "NotFound"),
        (f"{LOAD}/name", 404, "NotFound"),
        (f"{BASE}/taskbell_autoscale_load", 404, "NotFound"),
        ("/openapi/v2", 404, "NotFound"),
        ("/openapi/v3", 404, "NotFound"),
        ("/", 404, "NotFound"),
        ("/apis/external.metrics.k8s.io/v1", 404, "NotFound"),
    ],
)
def test_what_is_not_there_is_told_by_a_status(ask, path, status, reason):
    told, document, headers = ask(path)
    assert (told, document["kind"], document["reason"]) == (status, "Status", reason)
    assert (document["code"], headers["Content-Type"]) == (status, "application/json")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("*/*", 200),
        (f"{AGGREGATED},application/json", 200),
        (f"{AGGREGATED},application/json;q=0.5", 200),
        ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", 200),
        ("application/vnd.kubernetes.protobuf,application/json", 200),
        (AGGREGATED, 406),
        (f"{AGGREGATED},{AGGREGATED.replace('v2', 'v2beta1')}", 406),
        ("application/vnd.kubernetes.protobuf", 406),
    ],
)
def test_an_answer_is_plain_json_or_none(ask, accept, status):
    for path in ("/apis", BASE, LOAD):
        told, document, headers = ask(path, Accept=accept)
        assert (told, headers["Content-Type"]) == (status, "application/json")
        assert (document["kind"] == "Status") is (status == 406)


def test_what_is_not_there_is_not_there_in_any_form(ask):
    assert [ask(path, Accept="application/x-protobuf")[0] for path in ("/openapi/v2", "/openapi/v3")] == [
        404
    ] * 2


# What it is read from


def test_a_signal_is_read_once_for_all_who_ask(served, front_proxy):
    by, given = served.caller(front_proxy), list[str]()

    def asks() -> None:
        connection = by.connection()
        given.extend(asked(connection, LOAD, by.headers)[1]["items"][0]["timestamp"] for _ in range(20))
        connection.close()

    threads = [threading.Thread(target=asks) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given) == 100
    assert served.reading.reads <= 1 + len(set(given)), "one reading for each snapshot that was shown"


def test_a_load_that_changes_is_seen(served, ask):
    assert ask(DEFAULT_POOL)[1]["items"][0]["value"] == "12"
    served.reading.loads = {"default": 13}
    eventually(lambda: ask(LOAD)[1]["items"][0]["value"] == "13")


@pytest.mark.parametrize(
    "fault", [LedgerUnavailable("Redis does not answer"), RuntimeError("a fault of ours")]
)
def test_a_load_that_cannot_be_read_is_no_load(served, ask, fault):
    served.reading.fails = fault
    for _ in range(20):
        status, document, _ = ask(LOAD)
        assert (status, document["reason"]) == (503, "ServiceUnavailable")
    assert ask(BASE)[0] == 200, "the API server sees that this one is there"
    served.reading.fails = None
    eventually(lambda: ask(LOAD)[0] == 200)


def test_an_old_load_is_not_told_when_the_signal_fails(served, ask):
    assert ask(LOAD)[0] == 200
    served.reading.fails = LedgerUnavailable("Redis does not answer")
    eventually(lambda: ask(LOAD)[0] == 503)


def test_what_a_connection_was_told_holds_no_longer_than_the_reading(served, front_proxy):
    connection, reading = served.caller(front_proxy).connection(), served.reading

    def told() -> tuple[int, str]:
        status, document, _ = asked(connection, DEFAULT_POOL, AUDITED)
        return status, document["items"][0]["value"] if status == 200 else document["reason"]

    assert [told() for _ in range(20)] == [(200, "12")] * 20
    assert reading.reads == 1
    reading.loads = {"default": 13}
    eventually(lambda: told() == (200, "13"))
    reading.fails = LedgerUnavailable("Redis does not answer")
    eventually(lambda: told() == (503, "ServiceUnavailable"))
    reading.fails = None
    eventually(lambda: told() == (200, "13"))
    connection.close()


def test_a_negative_load_is_none(authority, front_proxy):
    with serving(authority, default=-1) as served:
        assert served.caller(front_proxy).get(LOAD)[0] == 503


def test_it_is_ready_with_a_certificate_and_who_may_call_and_not_with_redis(served):
    served.reading.fails = LedgerUnavailable("Redis does not answer")
    by = served.caller(None)
    assert by.get("/readyz")[0] == 503
    served.readiness.certificate.set()
    assert by.get("/readyz")[0] == 503
    served.readiness.authority.set()
    assert by.get("/readyz")[0] == 200
