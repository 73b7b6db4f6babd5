"""The metrics adapter behind a real API server: who may read, and certificates that change under load."""

import base64
import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.acceptance.calls import eventually
from tests.cluster import scaling
from tests.cluster.kube import Kube, Refused, Release, run

pytestmark = pytest.mark.cluster
API = "v1beta1.external.metrics.k8s.io"
GROUP = "/apis/external.metrics.k8s.io"
SECONDS = 60
"""A certificate's life."""
ASK = """
import json, pathlib, ssl, sys, urllib.error, urllib.request
anyone = ssl.create_default_context()
anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
token = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount/token").read_text()
headers = {"Authorization": f"Bearer {token}", **json.loads(sys.argv[2])}
try:
    request = urllib.request.Request(sys.argv[1], headers=headers)
    print(urllib.request.urlopen(request, context=anyone, timeout=10).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.fixture(scope="module")
def release(kube, image) -> Iterator[Release]:
    release = Release(kube, "taskbell", image=image)
    release.put(*scaling.SETTINGS, "--set", f"metricsAdapter.certificate.seconds={SECONDS}", seconds=120)
    yield release
    release.helm("uninstall", release.name)


def metric(release: Release) -> str:
    return f"{GROUP}/v1beta1/namespaces/{release.kube.namespace}/taskbell_autoscale_load"


def asked(release: Release, client: str, url: str, **headers: str) -> int:
    """The status that a pod without any right gets, with its own token."""
    told = release.kube("exec", client, "--", "python3", "-c", ASK, url, json.dumps(headers))
    return int(told)


def test_a_pod_without_rights_reads_nothing_by_any_way(release, client):
    through = "https://kubernetes.default.svc"
    straight = f"https://{release.full}-metrics-adapter.{release.kube.namespace}.svc"
    as_admin = {"X-Remote-User": "admin", "X-Remote-Group": "system:masters"}
    assert asked(release, client, through + metric(release)) == 403
    assert asked(release, client, through + metric(release), **as_admin) == 403
    assert asked(release, client, straight + metric(release)) == 401
    assert asked(release, client, straight + metric(release), **as_admin) == 401
    assert asked(release, client, f"{straight}/livez") == 200


def test_kubernetes_own_clients_understand_what_it_says(release):
    name, version, namespaced, kind = run(
        "kubectl", "api-resources", "--api-group=external.metrics.k8s.io", "--no-headers"
    ).split()  # fmt: skip
    assert (name, version) == ("taskbell_autoscale_load", "external.metrics.k8s.io/v1beta1")
    assert (namespaced, kind) == ("true", "ExternalMetricValueList")
    assert "external.metrics.k8s.io/v1beta1" in run("kubectl", "api-versions").split()
    # The autoscaler's client decodes each answer by its type.
    eventually(lambda: "ValidMetricFound" in release.kube("describe", "hpa"), bool, within_seconds=60)
    with pytest.raises(Refused, match=r"unable to parse"):
        run("kubectl", "get", "--raw", f"{metric(release)}?labelSelector=pool%20near%20here")


@pytest.mark.slow
def test_certificates_change_under_load_and_no_read_fails(release):
    with proxy() as port:
        readers = [Reader(port, metric(release)) for _ in range(4)]
        for reader in readers:
            reader.start()
        seen: set[str] = set()

        def exchanges() -> int:
            bundle = run("kubectl", "get", "apiservice", API, "--output", "jsonpath={.spec.caBundle}")
            seen.update(re.findall(r"(?s)-----BEGIN.+?END", base64.b64decode(bundle).decode()))
            return len(seen)

        eventually(exchanges, lambda found: found >= 4, within_seconds=5 * SECONDS)
        for reader in readers:
            reader.stopped = True
        for reader in readers:
            reader.join(30)
    assert [reader.faults for reader in readers] == [[], [], [], []]
    assert min(reader.reads for reader in readers) > 1000


@contextmanager
def proxy() -> Iterator[int]:
    """The cluster's API on a local port, asked by who runs the tests."""
    process = Kube("default").popen("proxy", "--port=0")
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline().rpartition(":")[2])
    finally:
        process.terminate()
        process.communicate()


class Reader(threading.Thread):
    """Reads the metric again and again on one connection to the API server, and keeps what goes wrong."""

    def __init__(self, port: int, path: str) -> None:
        super().__init__(daemon=True)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._path = path
        self.faults: list[str] = []
        self.reads = 0
        self.stopped = False

    def run(self) -> None:
        while not self.stopped:
            try:
                self._read()
            except (OSError, http.client.HTTPException) as error:
                self.faults.append(repr(error))
                self._connection.close()
        self._connection.close()

    def _read(self) -> None:
        self._connection.request("GET", self._path)
        answer = self._connection.getresponse()
        body = answer.read()
        self.reads += 1
        if answer.status != 200:
            self.faults.append(f"{answer.status} {body[:200]!r}")
