"""A job that needs more memory than its worker has: the kernel kills its process, and the job says so."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import workers
from tests.workers import running_worker

LIMITED = [
    "systemd-run", "--user", "--scope", "--quiet",
    "-p", "MemoryMax=400M", "-p", "MemorySwapMax=0", "-p", "OOMPolicy=continue",
]  # fmt: skip


@pytest.fixture
def limited_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of this test get 400 MB; skips the test where nothing can set such a limit."""
    if shutil.which("systemd-run") is None:
        pytest.skip("there is no systemd-run to limit a worker's memory with")
    tried = subprocess.run([*LIMITED, "true"], capture_output=True, text=True, timeout=30, check=False)
    if tried.returncode:
        pytest.skip(f"systemd-run cannot limit memory here: {tried.stderr.strip()}")
    script = tmp_path / "celery"
    bus = os.environ.get("XDG_RUNTIME_DIR", "")
    script.write_text(
        f'#!/bin/sh\nexport XDG_RUNTIME_DIR={bus}\nexec {" ".join(LIMITED)} {workers.CELERY} "$@"\n'
    )
    script.chmod(0o755)
    monkeypatch.setattr(workers, "CELERY", str(script))


def test_a_job_that_the_kernel_kills_for_want_of_memory_says_so(platform, valkey_url, limited_memory):
    with running_worker(valkey_url, queues="hungry", concurrency=1):
        meta = platform.result(platform.submit("eat", '{"megabytes": 800}', queue="hungry"), timeout=60)
        assert meta["result"]["exc_type"] == "WorkerLostError"
        assert "was killed by SIGKILL, out of memory" in meta["result"]["exc_message"][0]
        assert platform.value(platform.submit("eat", '{"megabytes": 1}', queue="hungry")) == 2**20


def test_python_s_own_memory_error_is_a_failure_like_any_other(platform, valkey_url):
    with running_worker(valkey_url, queues="greedy", concurrency=1) as worker:
        meta = platform.result(platform.submit("eat", '{"megabytes": 1000000000}', queue="greedy"))
        assert (meta["status"], meta["result"]["exc_type"]) == ("FAILURE", "MemoryError")
        assert "attempt.lost" not in worker.log
