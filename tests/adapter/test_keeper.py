"""The certificate is made once, shared, believed before it is shown, and survives who spoils it."""

import base64
import logging
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jobs.adapter.certificates import issue
from jobs.adapter.keeper import Keeper, Place
from jobs.adapter.shared import Shared
from jobs.adapter.terms import Pair
from jobs.kubernetes import KubernetesError, api_service_path, secret_path
from tests.workers import eventually

SECRET = secret_path("demo", "adapter-tls")
API_SERVICE = api_service_path("v1beta1.external.metrics.k8s.io")
DAY = timedelta(days=1)


def place(life: timedelta = DAY, service: str = "adapter") -> Place:
    return Place(
        namespace="demo", service=service, secret="adapter-tls", life=life,
        api_service="v1beta1.external.metrics.k8s.io",
    )  # fmt: skip


class Replica:
    """A keeper, and what it shows."""

    def __init__(self, api, of: Place | None = None) -> None:
        self.shown = list[Pair]()
        self._keeper = Keeper(api.kubernetes(), of or place(), self.shown.append)

    def look(self) -> None:
        self._keeper.look()


@pytest.fixture(autouse=True)
def registered(api):
    service = {"name": "adapter", "namespace": "demo", "port": 443}
    api.put(API_SERVICE, {"metadata": {"name": "it"}, "spec": {"service": service, "group": "g"}})


def bundle(api) -> str:
    return base64.b64decode(api.objects[API_SERVICE]["spec"].get("caBundle", "")).decode()


def shared(api) -> Shared:
    return Shared.of(api.objects[SECRET]["data"], place().names)


def spoil(api, **data: str) -> None:
    found = api.objects[SECRET]
    coded = {key.replace("_", "."): base64.b64encode(value.encode()).decode() for key, value in data.items()}
    api.put(SECRET, found | {"data": found["data"] | coded})


def test_the_first_makes_it_and_the_second_shows_the_same(api):
    first, second = Replica(api), Replica(api)
    first.look()
    second.look()
    second.look()
    assert first.shown == second.shown == [shared(api).shown.pair]
    assert bundle(api) == shared(api).authorities()
    assert api.objects[API_SERVICE]["spec"]["group"] == "g"


def test_an_apiservice_that_was_taken_away_is_made_again_with_its_labels_and_believes_at_once(api):
    mine = {"labels": {"a": "b"}, "annotations": {"meta.helm.sh/release-name": "shop"}}
    del api.objects[API_SERVICE]
    Replica(api).look()
    assert API_SERVICE not in api.objects
    Replica(api, replace(place(), registration=mine, made_after=timedelta(0))).look()
    made = api.objects[API_SERVICE]
    assert made["metadata"].items() >= mine.items()
    assert made["spec"]["service"] == {"name": "adapter", "namespace": "demo", "port": 443}
    assert (made["spec"]["group"], made["spec"]["version"]) == ("external.metrics.k8s.io", "v1beta1")
    assert bundle(api) == shared(api).authorities()


def test_an_apiservice_that_an_uninstall_takes_away_is_not_made_again_right_then(api):
    replica = Replica(api, replace(place(), registration={"labels": {"a": "b"}}))
    replica.look()
    del api.objects[API_SERVICE]
    replica.look()
    replica.look()
    assert API_SERVICE not in api.objects


def test_two_that_make_it_at_once_agree(api):
    other = Shared(shown=issue(place().names, DAY), until=datetime.now(UTC) + DAY)
    api.before["POST", secret_path("demo")] = lambda: api.put(SECRET, {"metadata": {}, "data": other.data()})
    replica = Replica(api)
    with pytest.raises(KubernetesError) as refusal:
        replica.look()
    assert (refusal.value.status, replica.shown) == (409, [])
    replica.look()
    assert replica.shown == [other.shown.pair]


def test_two_that_change_it_at_once_agree(api):
    short = place(life=timedelta(hours=1))
    replica, second = Replica(api, short), Replica(api, short)
    replica.look()
    old = issue(short.names, timedelta(minutes=10))
    api.put(SECRET, {"metadata": {}, "data": Shared(shown=old, until=datetime.now(UTC)).data()})
    following = Shared(shown=old, until=datetime.now(UTC), next=issue(short.names, DAY))
    api.before["PUT", SECRET] = lambda: api.put(SECRET, {"metadata": {}, "data": following.data()})
    with pytest.raises(KubernetesError):
        second.look()
    second.look()
    assert following.next
    assert shared(api).next == following.next
    assert following.next.authority in bundle(api)


def test_an_empty_secret_that_is_there_is_filled_and_keeps_its_labels(api, caplog):
    api.put(SECRET, {"metadata": {"name": "adapter-tls", "labels": {"a": "b"}}, "type": "Opaque"})
    Replica(api).look()
    assert api.objects[SECRET]["metadata"]["labels"] == {"a": "b"}
    assert shared(api).shown.pair.key
    assert "certificate.replaced" not in caplog.text


@pytest.mark.parametrize(
    "data",
    [
        {"tls_crt": ""},
        {"tls_crt": "rubbish"},
        {"tls_key": issue(place().names, DAY).pair.key},
        {"ca_crt": issue(place().names, DAY).authority},
        {"tls_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"},
    ],
)
def test_rubbish_gives_way_to_what_is_shown(api, caplog, data):
    replica = Replica(api)
    replica.look()
    spoil(api, **data)
    replica.look()
    assert replica.shown == [shared(api).shown.pair], "nothing was lost, so nothing changed"
    assert "certificate.replaced" in caplog.text


def test_rubbish_that_is_no_base64_gives_way_too(api):
    api.put(SECRET, {"metadata": {"name": "adapter-tls"}, "data": {"tls.crt": "***", "tls.key": None}})
    replica = Replica(api)
    replica.look()
    assert replica.shown == [shared(api).shown.pair]


def test_a_secret_that_is_deleted_comes_back_as_it_was(api):
    replica = Replica(api)
    replica.look()
    del api.objects[SECRET]
    replica.look()
    assert replica.shown == [shared(api).shown.pair]


def test_a_certificate_of_another_service_gives_way(api):
    Replica(api, place(service="other")).look()
    replica = Replica(api)
    replica.look()
    assert replica.shown == [shared(api).shown.pair]


def test_a_caller_bundle_that_somebody_changed_is_put_right(api):
    replica = Replica(api)
    replica.look()
    api.put(
        API_SERVICE, api.objects[API_SERVICE] | {"spec": api.objects[API_SERVICE]["spec"] | {"caBundle": "x"}}
    )
    replica.look()
    assert bundle(api) == shared(api).authorities()


def test_the_next_certificate_is_believed_before_it_is_shown(api):
    short = place(life=timedelta(seconds=6))
    replicas = Replica(api, short), Replica(api, short)
    authorities: dict[str, str] = {}

    def look() -> bool:
        for replica in replicas:
            with suppress(KubernetesError):  # the other was first
                replica.look()
            held = shared(api)
            authorities.update({each.pair.key: each.authority for each in (held.shown, held.next) if each})
            assert all(authorities[each.shown[-1].key] in bundle(api) for each in replicas if each.shown)
        return all(len(replica.shown) >= 3 for replica in replicas)

    eventually(look, timeout=60)
    assert replicas[0].shown == replicas[1].shown


def test_a_certificate_of_a_longer_life_than_asked_for_is_exchanged(api):
    Replica(api, place(life=DAY * 90)).look()
    replica = Replica(api, place(life=timedelta(seconds=60)))

    def look() -> bool:
        replica.look()
        return len(replica.shown) == 2

    eventually(look)


@pytest.mark.parametrize("fault", ["foreign", "absent", "insecure"])
def test_an_api_service_that_is_not_ours_to_tell_is_left_alone(api, fault, caplog):
    caplog.set_level(logging.INFO)
    if fault == "absent":
        del api.objects[API_SERVICE]
    else:
        spec = dict(api.objects[API_SERVICE]["spec"])
        more = {"foreign": {"service": {"name": "keda", "namespace": "keda"}}, "insecure": {}}[fault]
        api.put(API_SERVICE, {"metadata": {}, "spec": spec | more | {"insecureSkipTLSVerify": True}})
    replica = Replica(api)
    replica.look()
    replica.look()
    assert replica.shown == [shared(api).shown.pair]
    assert not [method for method, path in api.calls if method == "PATCH"]
    assert caplog.text.count(f"apiservice.{fault}") == (0 if fault == "insecure" else 1)


def test_who_may_not_tell_the_api_server_shows_its_certificate_all_the_same(api):
    api.denied.add(("PATCH", API_SERVICE))
    replica = Replica(api)
    with pytest.raises(KubernetesError):
        replica.look()
    assert len(replica.shown) == 1
