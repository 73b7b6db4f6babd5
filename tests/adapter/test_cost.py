"""What a read costs, beside what TLS alone does."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pytest

from jobs.adapter.answer import found
from jobs.adapter.certificates import issue
from tests.adapter import bare_tls, reads
from tests.adapter.authorities import Certificate
from tests.adapter.serving import DAY, DEFAULT_POOL, LOAD, USER, Caller
from tests.adapter.test_process import adapter, cluster, ready
from tests.servers import Running, environment

__all__ = ["cluster"]
TURNS, SECONDS, READS_A_SECOND, CONNECTIONS = 7, 4.0, 1000, 4
AS_FORWARDED = USER | {
    "Audit-Id": "AUDIT",
    "X-Remote-Group": "system:serviceaccounts",
    "X-Forwarded-For": "10.0.0.1",
    "X-Forwarded-Uri": LOAD,
    "X-Forwarded-Host": "adapter.demo.svc",
    "X-Forwarded-Proto": "https",
    "Accept": "application/json, */*",
    "User-Agent": "kube-controller-manager/v1.34.0 (linux/amd64) kubernetes/abcdef0",
}


def cpu_seconds(pid: int) -> float:
    """What a process has used, in all its threads: the clock that `clock_getcpuclockid` names."""
    return time.clock_gettime((~pid << 3) | 2)


def cost(by: Caller, running: Running, directory: Path) -> tuple[float, float]:
    """Seconds of CPU that a read takes of the server, and how many there were a second."""
    assert by.certificate is not None
    authority, request = directory / "authority.pem", directory / "request"
    authority.write_text(by.believes)
    heads = "".join(f"{name}: {value}\r\n" for name, value in AS_FORWARDED.items())
    request.write_text(f"GET {DEFAULT_POOL} HTTP/1.1\r\nHost: {by.name}\r\n{heads}\r\n", newline="")
    where = (by.port, by.name, authority, by.certificate.crt, by.certificate.key, request)
    with subprocess.Popen(
        [sys.executable, reads.__file__, *map(str, (*where, CONNECTIONS, READS_A_SECOND, SECONDS))],
        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as reader:  # fmt: skip
        assert reader.stdin
        assert reader.stdout
        assert reader.stdout.readline() == "ready\n"
        before = cpu_seconds(running.process.pid)
        told, _ = reader.communicate("go\n", timeout=60)
        used = cpu_seconds(running.process.pid) - before
    assert reader.returncode == 0, "what went wrong stands above"
    return used / int(told), int(told) / SECONDS


@contextmanager
def bare(directory: Path, answer: bytes, shows: Certificate) -> Iterator[tuple[Caller, Running]]:
    """A server of TLS alone, and who asks it."""
    certified, pem, told = issue(["adapter.demo.svc"], DAY), directory / "bare.pem", directory / "answer"
    pem.write_text(certified.pair.certificate + certified.pair.key)
    told.write_bytes(answer)
    command = [sys.executable, bare_tls.__file__, str(pem), str(told)]
    running = Running(command, r"listening port=(\d+)", environment(""))
    try:
        yield Caller(int(running.wait_ready()[1]), certified.authority, shows), running
    finally:
        running.end(signal.SIGKILL)


@pytest.mark.slow
def test_a_thousand_reads_a_second_take_a_small_part_of_a_core(
    cluster, front_proxy, valkey_url, tmp_path, capsys
):
    with adapter(cluster, valkey_url) as running:
        by = ready(cluster, running, front_proxy)
        answer = json.dumps(by.get(DEFAULT_POOL)[1]).encode() + b"\n"
        with bare(tmp_path, found(answer).goes_on, front_proxy) as beside:
            turns = [(*cost(by, running, tmp_path), cost(*beside, tmp_path)[0]) for _ in range(TURNS)]
    taken, tls = sorted(each[0] for each in turns), median(each[2] for each in turns)
    read, pace = median(taken), median(each[1] for each in turns)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{pace:.0f} reads/s: {read * 1e6:.0f} µs of CPU a read "
            f"({taken[0] * 1e6:.0f} – {taken[-1] * 1e6:.0f}, {TURNS} turns), "
            f"so 1,000 a second {read * READS_A_SECOND:.1%} of a core; "
            f"TLS alone {tls * 1e6:.0f} µs, {read / tls:.2f} times that\n"
        )
    assert read * READS_A_SECOND < 0.15
    assert read < 2.5 * tls, "beside what only answers"
