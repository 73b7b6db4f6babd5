"""The calls to Kubernetes' API, to a stand-in of it over real TLS."""

import pytest

from jobs.kubernetes import Kubernetes, KubernetesError, Manifest, pod_path, secret_path

SECRET = secret_path("demo", "mine")


def manifest(**data: str) -> Manifest:
    return {"metadata": {"name": "mine"}, "data": data}


def refused(call, *args) -> tuple[int, str]:
    with pytest.raises(KubernetesError) as error:
        call(*args)
    return error.value.status, error.value.reason


def test_an_object_is_made_read_replaced_and_patched(api):
    kubernetes = api.kubernetes()
    made = kubernetes.create(secret_path("demo"), manifest(a="1"))
    assert kubernetes.get(SECRET) == made
    replaced = kubernetes.replace(SECRET, made | {"data": {"b": "2"}})
    assert replaced["data"] == {"b": "2"}
    assert kubernetes.patch(SECRET, {"data": {"c": "3"}})["data"] == {"b": "2", "c": "3"}


def test_a_refusal_says_its_status_and_reason(api):
    kubernetes = api.kubernetes()
    assert refused(kubernetes.get, SECRET) == (404, "NotFound")
    made = kubernetes.create(secret_path("demo"), manifest(a="1"))
    assert refused(kubernetes.create, secret_path("demo"), manifest()) == (409, "AlreadyExists")
    kubernetes.replace(SECRET, made)
    assert refused(kubernetes.replace, SECRET, made) == (409, "Conflict")
    api.denied.add(("GET", SECRET))
    assert refused(kubernetes.get, SECRET) == (403, "Forbidden")


def test_objects_are_listed_by_their_labels(api):
    api.put(pod_path("demo", "a"), {"metadata": {"name": "a"}})
    found = api.kubernetes().list(pod_path("demo"), "app=taskbell,pool in (default)")
    assert [each["metadata"]["name"] for each in found] == ["a"]
    assert api.calls[-1] == (
        "GET", "/api/v1/namespaces/demo/pods?labelSelector=app%3Dtaskbell%2Cpool+in+%28default%29",
    )  # fmt: skip


def test_the_token_is_the_one_that_the_file_has_now(api):
    api.put(SECRET, manifest())
    kubernetes, token = api.kubernetes(), api.account / "token"
    right = token.read_text()
    token.write_text("another")
    assert refused(kubernetes.get, SECRET) == (401, "Unauthorized")
    token.write_text(right)
    assert kubernetes.get(SECRET)
    token.unlink()
    assert refused(kubernetes.get, SECRET) == (0, "NoAnswer")


def test_an_api_that_went_and_came_back_is_found_again(api):
    api.put(SECRET, manifest())
    kubernetes = api.kubernetes()
    assert kubernetes.get(SECRET)
    kubernetes._own.connection.sock.shutdown(2)
    assert kubernetes.get(SECRET), "its connection was closed meanwhile"
    elsewhere = Kubernetes(
        "https://localhost:1", token_file=api.account / "token", authority_file=api.account / "ca.crt"
    )
    assert refused(elsewhere.get, SECRET) == (0, "NoAnswer")


def test_an_api_that_another_authority_vouches_for_is_not_told_the_token(api, authority):
    (api.account / "ca.crt").write_text(authority.pem)
    assert refused(api.kubernetes().get, SECRET) == (0, "NoAnswer")
    assert api.calls == []


def test_what_an_object_is_called_leads_nowhere_else(api):
    assert refused(api.kubernetes().get, secret_path("demo", "../configmaps/x?")) == (404, "NotFound")
    assert api.calls == [("GET", "/api/v1/namespaces/demo/secrets/..%2Fconfigmaps%2Fx%3F")]
