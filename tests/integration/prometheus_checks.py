"""What Prometheus' own tool says of a page of metrics."""

import shutil
import subprocess

import pytest


def check(page: bytes) -> None:
    """Fails on what `promtool check metrics` finds fault with; skips where it is not installed."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
