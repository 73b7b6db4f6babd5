"""A Redis behind TLS: every connection checks who it talks to."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from celery import Celery
from kombu.exceptions import OperationalError

from jobs.chaos.processes import free_port
from jobs.conf import Settings
from jobs.errors import LedgerUnavailable
from jobs.ledger import Ledger
from tests.client import HELLO, PROCESS, Client
from tests.integration.test_flower import by, running_flower, shows_the_worker_and_what_waits
from tests.servers import APP, Valkey, environment, running_api
from tests.workers import eventually, running_worker


@dataclass(frozen=True, kw_only=True)
class Secured:
    """A Redis whose certificate is for `localhost`, and no other name."""

    port: int
    certificates: Path

    def url(self, host: str = "localhost", query: str = "") -> str:
        return f"rediss://{host}:{self.port}/0{query}"

    def file(self, name: str) -> str:
        return str(self.certificates / name)


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)


def make_certificates(directory: Path) -> None:
    """Two authorities, and one certificate for `localhost` by the first, for server and clients.

    With all that a strict client wants to find, as Python's is since 3.13.
    """
    for name in ("ca", "stranger"):
        own = [
            "-subj",
            f"/CN={name}",
            "-keyout",
            f"{directory}/{name}.key",
            "-out",
            f"{directory}/{name}.crt",
        ]
        may = ["-addext", "keyUsage=critical,keyCertSign"]
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *own, *may)
    key, request, crt = (f"{directory}/redis.{kind}" for kind in ("key", "csr", "crt"))
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=redis", "-keyout", key, "-out", request)
    says = directory / "redis.cnf"
    says.write_text("subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
    by_ca = ["-CA", f"{directory}/ca.crt", "-CAkey", f"{directory}/ca.key", "-CAcreateserial"]
    openssl("x509", "-req", "-in", request, "-out", crt, "-days", "2", "-extfile", str(says), *by_ca)


@pytest.fixture(scope="module", params=["no", "yes"], ids=["any-client", "certified-clients"])
def secured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("there is no redis-server: apt-get install redis-server")
    directory, port = tmp_path_factory.mktemp("tls"), free_port()
    make_certificates(directory)
    files = [("cert", "redis.crt"), ("key", "redis.key"), ("ca-cert", "ca.crt")]
    options = [part for name, file in files for part in (f"--tls-{name}-file", str(directory / file))]
    options += ["--tls-port", str(port), "--tls-auth-clients", request.param]
    server = Valkey(program, str(directory), *options)
    try:
        yield Secured(port=port, certificates=directory)
    finally:
        server.kill()


@pytest.fixture
def query(request: pytest.FixtureRequest, secured: Secured) -> str:
    """What a client of its own certificate says of it."""
    certified = "certified" in request.node.callspec.id
    files = f"?ssl_certfile={secured.file('redis.crt')}&ssl_keyfile={secured.file('redis.key')}"
    return files if certified else ""


def test_a_job_lives_its_life_behind_tls(secured, query, tmp_path):
    url, authority = secured.url(query=query), secured.file("ca.crt")
    with (
        running_api(url, REDIS_CA_FILE=authority) as api,
        running_worker(url, REDIS_CA_FILE=authority) as worker,
        running_flower(url, REDIS_CA_FILE=authority, FLOWER_BASIC_AUTH="me:secret") as flower,
    ):
        client = Client(api)
        job = client.post(PROCESS, HELLO).json()["task_id"]
        waits = f"from djangoNinja import app; print(app.AsyncResult('{job}').get(timeout=30))"
        env = environment(url, REDIS_CA_FILE=authority)
        ran = subprocess.run(
            [sys.executable, "-c", waits],
            cwd=APP, env=env, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert ran.stdout == "{'processed_data': 'HELLO'}\n"
        assert client.get(f"/api/tasks/status/{job}/").json()["status"] == "SUCCESS"
        eventually(lambda: shows_the_worker_and_what_waits(flower, "celery", 0, **by("me:secret")))
        assert "WARNING" not in worker.log


def connects(settings: Settings) -> bool:
    """Whether ledger and broker reach Redis; either both do or none."""
    import djangoNinja  # noqa: F401 - the platform is loaded after Django
    from jobs.worker.broker import celery_settings

    ledger, app = Ledger(settings), Celery()
    app.conf.update(celery_settings(settings))
    try:
        ledger.ping()
        reached = True
    except LedgerUnavailable:
        reached = False
    with app.connection_for_read() as connection:
        if reached:
            connection.connect()
        else:
            with pytest.raises(OperationalError):
                connection.ensure_connection(max_retries=1, interval_start=0)
    ledger._redis.connection_pool.disconnect()
    app.close()
    return reached


def test_a_redis_that_is_not_who_it_should_be_is_away(secured, query):
    authority, stranger = Path(secured.file("ca.crt")), Path(secured.file("stranger.crt"))
    right, elsewhere = secured.url(query=query), secured.url("127.0.0.1", query)
    assert connects(Settings(REDIS_URL=right, REDIS_CA_FILE=authority))
    assert not connects(Settings(REDIS_URL=elsewhere, REDIS_CA_FILE=authority)), "it has another name"
    assert not connects(Settings(REDIS_URL=right, REDIS_CA_FILE=stranger)), "another vouches for it"
    assert not connects(Settings(REDIS_URL=right)), "nobody vouches for it"


def test_the_address_may_say_less_of_what_is_checked(secured, query):
    unnamed = f"{query or '?'}&ssl_check_hostname=false"
    authority = Path(secured.file("ca.crt"))
    assert connects(Settings(REDIS_URL=secured.url("127.0.0.1", unnamed), REDIS_CA_FILE=authority))
