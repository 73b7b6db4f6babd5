"""A page in Grafana: rows of panels, the variables above them and the links to the other pages."""

from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

from charts.monitoring.dashboards.panels import SOURCE, Json

SCHEMA = 39
"""Grafana 11's; what comes later takes it over."""
TAG = "taskbell"
WIDTH = 24


@dataclass(frozen=True, kw_only=True)
class Row:
    """Panels side by side, below a heading where there is one; a title may be in a page only once."""

    panels: tuple[Json, ...]
    heading: str = ""
    height: int = 8


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A label's values, to choose from; all of them where `one` is false."""

    name: str
    label: str
    values: str
    """`label_values(…)`, as Grafana has it."""
    one: bool = False

    def json(self) -> Json:
        every: Json = {"includeAll": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"}}
        return {
            "type": "query", "name": self.name, "label": self.label, "datasource": SOURCE,
            "definition": self.values, "multi": not self.one, "refresh": 2, "sort": 1,
            "query": {"qryType": 1, "query": self.values, "refId": "PrometheusVariableQueryEditor"},
            **({"includeAll": False} if self.one else every),
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Page:
    """A dashboard."""

    uid: str
    title: str
    about: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]

    def json(self) -> Json:
        """As Grafana has it."""
        source = {"type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus"}
        return {
            "uid": self.uid, "title": self.title, "description": self.about, "tags": [TAG],
            "schemaVersion": SCHEMA, "editable": True, "graphTooltip": 1, "refresh": "30s",
            "time": {"from": "now-3h", "to": "now"}, "timezone": "browser", "links": [_LINKS],
            "templating": {"list": [source, *(each.json() for each in self.variables)]},
            "panels": list(self._panels()),
        }  # fmt: skip

    def _panels(self) -> Iterator[Json]:
        top = 0
        for row in self.rows:
            if row.heading:
                heading = {"type": "row", "title": row.heading, "collapsed": False, "panels": []}
                yield heading | _at(row.heading, 0, top, WIDTH, 1)
                top += 1
            width = WIDTH // len(row.panels)
            for number, panel in enumerate(row.panels):
                yield panel | _at(panel["title"], number * width, top, width, row.height)
            top += row.height


def _at(title: str, *place: int) -> Json:
    """A panel's number is its title's: one more panel leaves links to the others alone."""
    number = crc32(title.encode()) % 1_000_000
    return {"id": number, "gridPos": dict(zip("xywh", place, strict=True))}


# The links carry the variables of one page to the next; which has no such variable does not mind.
_LINKS: Json = {
    "type": "dashboards", "title": "taskbell", "tags": [TAG], "asDropdown": False, "includeVars": True,
    "keepTime": True, "targetBlank": False,
}  # fmt: skip
