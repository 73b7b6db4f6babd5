"""What shows an answer: Grafana's panels, with the few of their options that differ from one to the next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from charts.monitoring.dashboards.queries import Query

type Json = dict[str, Any]
type Steps = Mapping[float, str]
"""Colours from a number on; below the first it is green."""

SOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
CALM: Steps = {}
_COLOURS = {
    "SUCCESS": "green", "FAILURE": "red", "RETRY": "yellow", "REVOKED": "blue", "PENDING": "text",
    "LOST": "purple",
}  # fmt: skip
_BOUNDS = "/(objective|limit)$/"


@dataclass(frozen=True, kw_only=True)
class Says:
    """A title, a unit of Grafana's, a description where the title is not enough, and what no data means."""

    title: str
    unit: str = "short"
    more: str = ""
    none: str = ""


def lines(says: Says, *queries: Query, stacked: bool = False) -> Json:
    """Numbers over time."""
    defaults = {
        "min": 0,
        "color": {"mode": "palette-classic"},
        "custom": {
            "drawStyle": "line", "fillOpacity": 30 if stacked else 8, "lineWidth": 1, "showPoints": "never",
            "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
        },
    }  # fmt: skip
    options = {
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    panel = _panel("timeseries", says, defaults, options)
    panel["fieldConfig"]["overrides"] = list(_looks([query.legend for query in queries]))
    return panel | {"targets": _targets(queries)}


def _looks(legends: list[str]) -> Iterable[Json]:
    """A state has one colour on every page, and a bound is a broken line."""
    if any("state}}" in legend or "outcome}}" in legend for legend in legends):
        for name, colour in _COLOURS.items():
            yield _override("byName", name, color={"fixedColor": colour, "mode": "fixed"})
    if any(legend.endswith(("objective", "limit")) for legend in legends):
        dashed = {"dash": [8, 8], "fill": "dash"}
        yield _override("byRegexp", _BOUNDS, **{"custom.lineStyle": dashed, "custom.fillOpacity": 0})


def stat(says: Says, query: Query, steps: Steps = CALM, words: Mapping[int, str] | None = None) -> Json:
    """One number, as it is now; `words` stand for some of its values."""
    defaults = {"color": {"mode": "thresholds"}, "mappings": _mappings(words), "thresholds": _steps(steps)}
    named = bool(query.legend)
    options = {
        "colorMode": "value", "graphMode": "none", "justifyMode": "center", "reduceOptions": _LAST,
        "textMode": "name" if named else "value",
    }  # fmt: skip
    return _panel("stat", says, defaults, options) | {"targets": _targets([query], instant=True)}


def bars(says: Says, query: Query, steps: Steps = CALM) -> Json:
    """One bar for each series, as it is now."""
    defaults = {"min": 0, "color": {"mode": "thresholds"}, "thresholds": _steps(steps)}
    options = {
        "displayMode": "basic", "orientation": "horizontal", "reduceOptions": _LAST, "showUnfilled": True,
        "valueMode": "color",
    }  # fmt: skip
    return _panel("bargauge", says, defaults, options) | {"targets": _targets([query], instant=True)}


def heatmap(says: Says, query: Query) -> Json:
    """A histogram's buckets over time."""
    options = {
        "calculate": False, "cellGap": 1, "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
        "filterValues": {"le": 1e-9}, "legend": {"show": True}, "rowsFrame": {"layout": "auto"},
        "showValue": "never", "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": True},
        "yAxis": {"axisPlacement": "left", "unit": says.unit},
    }  # fmt: skip
    targets = _targets([query], form="heatmap")
    return _panel("heatmap", says, {}, options) | {"targets": targets}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table: what it asks has a row's labels."""

    name: str
    expr: str
    unit: str = "short"
    steps: Steps | None = None
    words: Mapping[int, str] | None = None


def table(says: Says, rows: tuple[str, ...], *columns: Column, leads_to: str = "") -> Json:
    """A row for each of the labels `rows`, as it is now; the first of them is a link where it leads on."""
    panel = _panel("table", says, {"custom": {"align": "auto", "filterable": False}}, {"showHeader": True})
    values = {f"Value #{letter}": each.name for letter, each in zip(ascii_uppercase, columns, strict=False)}
    organize = {
        "excludeByName": {"Time": True},
        "indexByName": {name: at for at, name in enumerate((*rows, *values))},
        "renameByName": values,
    }
    panel["transformations"] = [{"id": "merge", "options": {}}, {"id": "organize", "options": organize}]
    overrides = [_column(each) for each in columns]
    if leads_to:
        overrides.append(_override("byName", rows[0], links=[{"title": "Show", "url": leads_to}]))
    panel["fieldConfig"]["overrides"] = overrides
    queries = [Query(expr=each.expr) for each in columns]
    return panel | {"targets": _targets(queries, instant=True, form="table")}


def _column(column: Column) -> Json:
    more: Json = {"unit": column.unit}
    if column.steps is not None:
        more |= {"thresholds": _steps(column.steps), "custom.cellOptions": {"type": "color-text"}}
    if column.words:
        more["mappings"] = _mappings(column.words)
    return _override("byName", column.name, **more)


def _panel(kind: str, says: Says, defaults: Json, options: Json) -> Json:
    if says.none:
        defaults = defaults | {"noValue": says.none}
    return {
        "type": kind, "title": says.title, "description": says.more, "datasource": SOURCE,
        "fieldConfig": {"defaults": defaults | {"unit": says.unit}, "overrides": []}, "options": options,
    }  # fmt: skip


def _targets(queries: Iterable[Query], *, instant: bool = False, form: str = "time_series") -> list[Json]:
    return [
        {
            "datasource": SOURCE, "editorMode": "code", "expr": query.expr, "format": form,
            "instant": instant, "legendFormat": query.legend, "range": not instant, "refId": letter,
        }
        for letter, query in zip(ascii_uppercase, queries, strict=False)
    ]  # fmt: skip


_LAST: Json = {"calcs": ["lastNotNull"], "fields": "", "values": False}


def _steps(steps: Steps) -> Json:
    first: Json = {"color": "green", "value": None}
    return {
        "mode": "absolute",
        "steps": [first, *({"color": colour, "value": value} for value, colour in steps.items())],
    }


def _mappings(words: Mapping[int, str] | None) -> list[Json]:
    if not words:
        return []
    options = {str(value): {"index": at, "text": word} for at, (value, word) in enumerate(words.items())}
    return [{"type": "value", "options": options}]


def _override(matcher: str, of: str, **properties: Any) -> Json:
    found = [{"id": name, "value": value} for name, value in properties.items()]
    return {"matcher": {"id": matcher, "options": of}, "properties": found}
