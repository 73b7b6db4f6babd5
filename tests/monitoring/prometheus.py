"""A real Prometheus that reads an API and a worker as the documentation tells it to, each second."""

import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from jobs.chaos.processes import free_port
from tests.client import Client
from tests.docs.pages import page
from tests.servers import Running


class Prometheus:
    """Answers what it is asked."""

    def __init__(self, url: str) -> None:
        self._client = Client(url)

    def values(self, expr: str) -> list[float]:
        """What an expression is now, of each series that is a number."""
        found = self._get("/api/v1/query", query=expr)["result"]
        return [value for each in found if not math.isnan(value := float(each["value"][1]))]

    def choices(self, series: str, label: str) -> list[str]:
        """The values of a label."""
        return list(self._get(f"/api/v1/label/{quote(label)}/values", **{"match[]": series}))

    def _get(self, path: str, **asked: str) -> Any:
        answer = self._client.get(f"{path}?{urlencode(asked)}")
        told = answer.json()
        assert (answer.status, told["status"]) == (200, "success"), (asked, told)
        return told["data"]


@contextmanager
def running_prometheus(api: str, worker: str) -> Iterator[Prometheus]:
    """Skips where there is none."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed (Debian's package prometheus)")
    [told, *_] = page("docs/reference/metrics.md").blocks("yaml")
    config = told.text.replace("localhost:8001", api.removeprefix("http://"))
    config = config.replace("localhost:8002", worker)
    address = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "prometheus.yml")
        file.write_text(f"global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n{config}")
        command = [
            program, f"--config.file={file}", f"--web.listen-address={address}",
            f"--storage.tsdb.path={directory}/data", "--storage.tsdb.retention.time=1h",
        ]  # fmt: skip
        running = Running(
            command, "Server is ready to receive web requests", os.environ | {"GOMAXPROCS": "1"}
        )
        try:
            running.wait_ready()
            yield Prometheus(f"http://{address}")
        finally:
            running.end()
