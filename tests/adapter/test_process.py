"""The adapter as a pod runs it: `manage.py adapter`, with a Redis and a stand-in of Kubernetes' API."""

import base64
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jobs.adapter import caller
from jobs.adapter.certificates import issue
from jobs.kubernetes import api_service_path, secret_path
from jobs.metrics.families import CERTIFICATE
from tests.adapter.api import Api
from tests.adapter.authorities import Certificate
from tests.adapter.serving import DAY, LOAD, Caller, asked, config_map
from tests.integration.prometheus_checks import check
from tests.servers import APP, Running, environment, running_valkey
from tests.workers import eventually

API_SERVICE = api_service_path("v1beta1.external.metrics.k8s.io")
SECRET = secret_path("demo", "adapter-tls")


@pytest.fixture
def cluster(api: Api, authority) -> Api:
    """What is there before the adapter comes."""
    service = {"name": "adapter", "namespace": "demo"}
    api.put(API_SERVICE, {"metadata": {}, "spec": {"service": service}})
    api.put(caller.WHERE, config_map(authority.pem, "front-proxy-client"))
    return api


def command(cluster: Api, *options: str) -> list[str]:
    where = ("--host", "127.0.0.1", "--port", "0", "--service", "adapter", "--secret", "adapter-tls")
    there = ("--kubernetes", cluster.address, "--account", str(cluster.account))
    return [sys.executable, "manage.py", "adapter", *where, *there, *options]


@contextmanager
def adapter(cluster: Api, redis_url: str, *options: str) -> Iterator[Running]:
    running = Running(command(cluster, *options), r"adapter\.listening port=(\d+)", environment(redis_url))
    try:
        yield running
    finally:
        running.end(signal.SIGKILL)


def port(running: Running) -> int:
    return int(running.wait_ready()[1])


def bundle(cluster: Api) -> str:
    return base64.b64decode(cluster.objects[API_SERVICE]["spec"].get("caBundle", "")).decode()


def ready(cluster: Api, running: Running, certificate: Certificate) -> Caller:
    """The API server, as soon as the adapter is ready and told whom to believe."""
    where = port(running)
    eventually(lambda: bundle(cluster), what="the caBundle")

    def is_ready() -> bool:
        with suppress(ssl.SSLCertVerificationError):  # it shows the one of its first moment
            return Caller(where, bundle(cluster)).get("/readyz")[0] == 200
        return False

    eventually(is_ready, what="readiness")
    return Caller(where, bundle(cluster), certificate)


def test_it_serves_what_the_ledger_says_and_outlives_redis(cluster, front_proxy):
    with running_valkey() as valkey, adapter(cluster, valkey.url) as running:
        by = ready(cluster, running, front_proxy)
        assert by.get(LOAD)[1]["kind"] == "ExternalMetricValueList"
        valkey.kill()
        eventually(lambda: by.get(LOAD)[0] == 503)
        assert by.get("/readyz")[0] == 200
        valkey.start()
        eventually(lambda: by.get(LOAD)[0] == 200)
        assert running.end() == 0
    log = "".join(running.lines)
    assert log.count("load.unread") == log.count("load.read") == 1


def test_a_pod_that_waits_for_kubernetes_lives_and_is_not_ready(cluster, front_proxy, valkey_url):
    cluster.denied |= {("GET", caller.WHERE), ("GET", API_SERVICE)}
    with adapter(cluster, valkey_url) as running:
        anyone = ssl.create_default_context()
        anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
        by = Caller(port(running), "")
        by.context = lambda: anyone  # type: ignore[method-assign] # as the kubelet, which believes any
        assert [by.get(path)[0] for path in ("/livez", "/readyz", LOAD)] == [200, 503, 401]
        assert by.get("/metrics")[1] == "\n"
        cluster.denied.clear()
        eventually(lambda: by.get("/readyz")[0] == 200)
        assert ready(cluster, running, front_proxy).get(LOAD)[0] == 200
        [family] = text_string_to_metric_families(by.get("/metrics")[1])
        [sample] = family.samples
        assert (family.name, family.documentation) == (CERTIFICATE.name, CERTIFICATE.help)
        assert 0 < sample.value <= timedelta(days=90).total_seconds()


def test_prometheus_s_own_checks_find_nothing_in_its_metrics(cluster, front_proxy, valkey_url):
    with adapter(cluster, valkey_url) as running:
        page = ready(cluster, running, front_proxy).get("/metrics")[1]
    assert CERTIFICATE.name in page
    check(page.encode())


def test_sigterm_ends_it_and_no_answer_is_lost(cluster, front_proxy, valkey_url):
    with adapter(cluster, valkey_url) as running:
        by = ready(cluster, running, front_proxy)
        readers = [Reader(lambda: (by, "always")) for _ in range(3)]
        for reader in readers:
            reader.start()
        eventually(lambda: all(reader.reads > 20 for reader in readers))
        for reader in readers:
            reader.until_closed = True
        eventually(lambda: all(reader.holds_its_last for reader in readers))
        began = time.monotonic()
        assert running.end() == 0
        assert time.monotonic() - began < 15
        for reader in readers:
            reader.join(30)
    assert [reader.faults for reader in readers] == [[], [], []]
    assert "adapter.stopping" in "".join(running.lines)


class Reader(threading.Thread):
    """Reads the metric again and again, half the time on a new connection, and keeps what goes wrong."""

    def __init__(self, way: Callable[[], tuple[Caller, str]]) -> None:
        super().__init__(daemon=True)
        self._way = way
        self.faults: list[str] = []
        self.reads = 0
        self.stopped = False
        self.until_closed = False
        """Whether its next connection is its last: it ends with the answer that says `close`."""
        self.holds_its_last = False

    def run(self) -> None:
        while not self.stopped:
            by, told = self._way()
            is_last = self.until_closed
            connection = by.connection()
            try:
                self._read(connection, by, is_last=is_last)
            except ssl.SSLCertVerificationError as error:
                if self._way()[1] == told:  # else the machine stood still, and it was told meanwhile
                    self.faults.append(repr(error))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a fault
                self.faults.append(repr(error))
            finally:
                connection.close()
            if is_last:
                return

    def _read(self, connection, by: Caller, *, is_last: bool) -> None:
        for _ in range(10**9 if is_last else 10):
            status, _, headers = asked(connection, LOAD, by.headers)
            if status != 200:
                self.faults.append(str(status))
            self.reads += 1
            self.holds_its_last = is_last
            if is_last and headers["Connection"] == "close":
                return
            time.sleep(0.005)  # its pace


def test_certificates_change_under_load_and_no_read_fails(cluster, front_proxy, valkey_url):
    life = ("--certificate-seconds", "9")
    with ExitStack() as stack:
        replicas = [stack.enter_context(adapter(cluster, valkey_url, *life)) for _ in range(2)]
        callers = [ready(cluster, each, front_proxy) for each in replicas]

        def way(of: Caller) -> Callable[[], tuple[Caller, str]]:
            # As the API server: it hears of each change of the APIService.
            return lambda: (Caller(of.port, bundle(cluster), front_proxy), bundle(cluster))

        readers = [Reader(way(of)) for of in callers for _ in range(2)]
        for reader in readers:
            reader.start()
        eventually(lambda: all(shown(each) >= 4 for each in replicas), timeout=90, what="three exchanges")
        for reader in readers:
            reader.stopped = True
        for reader in readers:
            reader.join(30)
        assert [fault for reader in readers for fault in reader.faults] == []
        assert sum(reader.reads for reader in readers) > 1000


def shown(running: Running) -> int:
    """How many certificates it has shown."""
    return sum("certificate.shown" in line for line in running.lines)


def test_a_certificate_of_ones_own_is_shown_and_nothing_else_is_touched(
    cluster, front_proxy, valkey_url, tmp_path
):
    files = tmp_path / "tls.crt", tmp_path / "tls.key"

    def write() -> str:
        certified = issue(["adapter.demo.svc"], DAY)
        files[0].write_text(certified.pair.certificate)
        files[1].write_text(certified.pair.key)
        return certified.authority

    def reads(authority: str) -> bool:
        with suppress(OSError):  # one of the two does not know yet whom to believe
            return Caller(port(running), authority, front_proxy).get(LOAD)[0] == 200
        return False

    first = write()
    told = ("--tls-cert", str(files[0]), "--tls-key", str(files[1]))
    with adapter(cluster, valkey_url, *told) as running:
        eventually(lambda: reads(first))
        second = write()
        eventually(lambda: reads(second))
    assert {path for _, path in cluster.calls} == {caller.WHERE}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--tls-cert", "x.crt"), "adapter: --tls-cert and --tls-key need each other"),
        (("--tls-cert", "x.crt", "--tls-key", "x.key"), "adapter: the certificate cannot be shown"),
        (("--account", "/nowhere"), "adapter: this is no pod (/nowhere is absent): say --namespace"),
        (("--certificate-seconds", "0"), "0 is no whole number of seconds"),
        (("--host", "192.0.2.1"), "adapter: port 0 cannot be had"),
    ],
)
def test_what_cannot_start_says_why_in_one_line(api, options, says):
    ended = subprocess.run(
        command(api, *options), cwd=APP, env=environment("redis://127.0.0.1:1/0"), capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


def test_nothing_is_left_in_its_temporary_directory(cluster, front_proxy, valkey_url, tmp_path):
    env = environment(valkey_url, TMPDIR=str(tmp_path))
    running = Running(command(cluster), r"adapter\.listening port=(\d+)", env)
    ready(cluster, running, front_proxy)
    left = [each for each in Path(tmp_path).iterdir() if each.name.startswith("taskbell-")]
    assert running.end() == 0
    assert left == []
