"""Stores that are there already: a Redis behind TLS, and a PostgreSQL."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.calls import GOING, curl, eventually, status, submit
from tests.cluster.conftest import REDIS
from tests.cluster.kube import Release, pod, run

pytestmark = pytest.mark.cluster
POSTGRES = """
FROM python:3.13-slim-trixie
RUN apt-get update && apt-get install -y --no-install-recommends postgresql \
 && useradd --uid 10001 --no-create-home postgres-test && rm -rf /var/lib/apt/lists/*
"""
START_POSTGRES = (
    "bin=$(ls -d /usr/lib/postgresql/*/bin); $bin/initdb -D /tmp/data -U taskbell --auth=trust >/dev/null;"
    " echo 'host all all all trust' >>/tmp/data/pg_hba.conf;"
    " exec $bin/postgres -D /tmp/data -k /tmp -c listen_addresses='*'"
)
START_REDIS = (
    "exec redis-server --port 0 --tls-port 6380 --tls-auth-clients no --requirepass a-password --dir /tmp"
    " --tls-cert-file /tls/tls.crt --tls-key-file /tls/tls.key --tls-ca-cert-file /tls/ca.crt"
)
FIXED = ("--set", "worker.autoscaling.mode=none", "--set", "flower.enabled=false", "--set", "api.replicas=1")


def server(name: str, image: str, script: str, port: int, **spec: Any) -> list[dict[str, Any]]:
    """A pod that runs a script, and the Service before it."""
    made = pod(name, image)
    made["spec"]["containers"][0] |= {
        "command": ["sh", "-c", script],
        "readinessProbe": {"tcpSocket": {"port": port}},
    }
    made["spec"]["containers"][0] |= spec.pop("container", {})
    made["spec"] |= spec
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": port}]},
    }  # fmt: skip
    return [made, service]


def secret(name: str, **texts: str) -> dict[str, Any]:
    named = {key.replace("_", "-"): text for key, text in texts.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": named}


def works(release: Release, size: int) -> None:
    """A job runs, and a large result can be read."""
    with release.forwarded("api", 8001) as api:
        job = submit(api, "process", {"data": "hello"})
        found = eventually(lambda: status(api, job), lambda found: found["status"] not in GOING)
        assert found["result"] == {"processed_data": "HELLO"}
        large = json.loads(
            curl("-X", "POST", f"{api}/api/tasks/large/?queue=celery", "-d", f'{{"size": {size}}}')
        )
        found = eventually(lambda: status(api, large["task_id"]), lambda found: found["status"] not in GOING)
        assert found["result"]["size_bytes"] == size + 2
        assert len(curl(f"{api}{found['result']['url']}")) == size + 2


@pytest.fixture(scope="module")
def postgres(kube, load_images):
    name = "taskbell-test:postgres"
    subprocess.run(["docker", "build", "--quiet", "--tag", name, "-"], input=POSTGRES, text=True, check=True)
    load_images(name)
    kube.apply(*server("postgres", name, START_POSTGRES, 5432), secret("database", database_url=(
        "postgres://taskbell@postgres:5432/postgres"
    )))  # fmt: skip
    kube("wait", "--for=condition=Ready", "pod/postgres", "--timeout=60s")
    return kube


def test_the_tables_of_a_postgresql_are_made_before_anything_starts(postgres, image):
    release = Release(postgres, "taskbell", image=image)
    release.put(*FIXED, "--set", "database.url.existingSecret=database", seconds=180)
    [job] = postgres.list("jobs")
    assert job["status"]["succeeded"] == 1
    works(release, 3_000_000)
    stored = postgres(
        "exec", "postgres", "--", "psql", "-h", "/tmp", "-U", "taskbell", "postgres", "-tAc",
        "select count(*) from jobs_storedresult",
    )  # fmt: skip
    assert stored.strip() == "1"
    release.helm("uninstall", release.name, "--wait")


def test_a_redis_behind_tls_does_what_the_chart_s_own_does(kube, image, tmp_path):
    certify(tmp_path, "redis-there")
    files = {file: (tmp_path / file).read_text() for file in ("tls.crt", "tls.key", "ca.crt")}
    tls = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "redis-tls"}, "stringData": files}
    volumes = [{"name": "tls", "secret": {"secretName": "redis-tls", "defaultMode": 0o444}}]
    mounts = {"volumeMounts": [{"name": "tls", "mountPath": "/tls"}]}
    kube.apply(
        tls, secret("redis-there", redis_password="a-password"),
        *server("redis-there", REDIS, START_REDIS, 6380, volumes=volumes, container=mounts),
    )  # fmt: skip
    kube("wait", "--for=condition=Ready", "pod/redis-there", "--timeout=60s")
    release = Release(kube, "outside", image=image)
    release.put(
        *FIXED, "--set", "redis.enabled=false", "--set", "externalRedis.caSecret=redis-tls",
        "--set", "externalRedis.url.value=rediss://redis-there:6380/0",
        "--set", "externalRedis.password.existingSecret=redis-there",
    )  # fmt: skip
    works(release, 3_000_000)
    release.helm("uninstall", release.name, "--wait")


def certify(directory: Path, host: str) -> None:
    """A certificate for a host, and of who signed it."""
    ca, key, csr, crt = (str(directory / name) for name in ("ca.crt", "tls.key", "tls.csr", "tls.crt"))
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    ca_key = str(directory / "ca.key")
    may = ("-addext", "keyUsage=critical,keyCertSign")  # Python asks for it
    run(
        "openssl",
        "req",
        "-x509",
        *curve,
        *may,
        "-days",
        "2",
        "-subj",
        "/CN=ca",
        "-keyout",
        ca_key,
        "-out",
        ca,
    )
    run("openssl", "req", *curve, "-subj", f"/CN={host}", "-keyout", key, "-out", csr)
    extensions = directory / "extensions"
    extensions.write_text(
        f"subjectAltName=DNS:{host}\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
    )
    run(
        "openssl", "x509", "-req", "-in", csr, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2",
        "-extfile", str(extensions), "-out", crt,
    )  # fmt: skip
