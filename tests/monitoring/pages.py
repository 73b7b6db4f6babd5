"""The dashboards as they are in the chart, as the tests read them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from charts.monitoring.dashboards.write import DASHBOARDS
from jobs.metrics import families

type Json = dict[str, Any]

FAMILIES = {
    each.name: each
    for each in (*families.OF_LEDGER, *families.OF_PROCESS, *families.OF_WORKER, *families.OF_ADAPTER)
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A panel's question."""

    page: str
    panel: str
    expr: str
    legend: str

    def __str__(self) -> str:
        return f"{self.page}: {self.panel}: {self.expr}"


PAGES: dict[str, Json] = {
    path.stem: json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json"))
}


def panels(page: Json) -> Iterator[Json]:
    """All but the headings."""
    return (panel for panel in page["panels"] if panel["type"] != "row")


def asked() -> Iterator[Asked]:
    """What all panels ask."""
    for name, page in PAGES.items():
        for panel in panels(page):
            for target in panel["targets"]:
                yield Asked(
                    page=name, panel=panel["title"], expr=target["expr"], legend=target["legendFormat"]
                )


def choices(page: Json) -> Iterator[tuple[str, str]]:
    """What each variable asks for: the series, and the label whose values one may choose from."""
    for variable in page["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert found, variable
            yield found[1], found[2]
