"""What a read costs."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.adapter.serving import LOAD, Caller, asked
from tests.adapter.test_process import adapter, cluster, ready

__all__ = ["cluster"]
SECONDS, READS_A_SECOND, CONNECTIONS = 10.0, 1000, 4
AS_FORWARDED = {
    "X-Remote-User": "system:serviceaccount:kube-system:horizontal-pod-autoscaler",
    "X-Remote-Group": "system:serviceaccounts",
    "X-Forwarded-For": "10.0.0.1",
    "X-Forwarded-Uri": LOAD,
    "X-Forwarded-Host": "adapter.demo.svc",
    "X-Forwarded-Proto": "https",
    "Audit-Id": "0c5f3bb1-4f0e-4a3c-9b0a-8a7d6a3f6f5e",
    "Accept": "application/json, */*",
    "User-Agent": "kube-controller-manager/v1.34.0 (linux/amd64) kubernetes/abcdef0",
}


def cpu_seconds(pid: int) -> float:
    """What a process has used, in all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_steadily(by: Caller, until: float, done: list[int]) -> None:
    connection, reads, gap = by.connection(), 0, CONNECTIONS / READS_A_SECOND
    following = time.monotonic()
    while time.monotonic() < until:
        assert asked(connection, f"{LOAD}?labelSelector=pool%3Ddefault", AS_FORWARDED)[0] == 200
        reads, following = reads + 1, following + gap
        time.sleep(max(0.0, following - time.monotonic()))  # its pace
    connection.close()
    done.append(reads)


@pytest.mark.slow
def test_a_thousand_reads_a_second_take_a_small_part_of_a_core(cluster, front_proxy, valkey_url, capsys):
    with adapter(cluster, valkey_url) as running:
        by = ready(cluster, running, front_proxy)
        done: list[int] = []
        before, until = cpu_seconds(running.process.pid), time.monotonic() + SECONDS
        readers = [threading.Thread(target=read_steadily, args=(by, until, done)) for _ in range(CONNECTIONS)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        used = cpu_seconds(running.process.pid) - before
    share, each = used / SECONDS, used / sum(done)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{sum(done) / SECONDS:.0f} reads/s: {share:.1%} of a core, {each * 1e6:.0f} µs of CPU a read\n"
        )
    assert each * READS_A_SECOND < 0.15
