"""That scripts take about as long among many jobs as among few: a tenth of what `bench/scale.py` measures.

Loosely, as other programs share the machine's caches; the figures are in docs/explanation/performance.md.
"""

import shutil
import subprocess
import sys

import pytest

from tests.workers import ROOT

LOOSELY = {"embedded": ("4", "200"), "redis-server": ("2", "20")}
"""How many times as slow, and a tick's longest time in ms; the embedded Valkey's allocator, the C library's,
goes through all that was freed now and then."""


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("server", LOOSELY)
def test_scripts_hardly_know_how_many_jobs_there_are_and_no_tick_is_long(server):
    if server != "embedded" and shutil.which(server) is None:
        pytest.skip("there is no redis-server: apt-get install redis-server")
    times, tick_ms = LOOSELY[server]
    command = [
        sys.executable, "bench/scale.py", "--held", "99000", "--delayed", "100000", "--rounds", "30",
        "--most-times", times, "--most-tick-ms", tick_ms, "--servers", server,
    ]  # fmt: skip
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_page_for_prometheus_is_read_as_fast_among_many_jobs():
    command = [
        sys.executable, "bench/watching.py", "--held", "99000", "--rounds", "5", "--most-ms", "500",
    ]  # fmt: skip
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
