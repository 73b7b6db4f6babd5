"""The dashboards as files: a change of one line is a line of the diff."""

import json
from functools import partial
from pathlib import Path

from charts.monitoring.dashboards import http, overview, queues, task
from charts.monitoring.dashboards.page import Page

DASHBOARDS = Path(__file__).resolve().parents[2] / "taskbell" / "files" / "dashboards"
PAGES = (overview.PAGE, task.PAGE, queues.PAGE, http.PAGE)


def text(page: Page) -> str:
    """As Grafana's import and its provisioning read it."""
    return json.dumps(page.json(), indent=1, sort_keys=True) + "\n"


FILES = {f"{page.uid}.json": partial(text, page) for page in PAGES}
