"""The dashboards ask for what there is, in Prometheus' words, and Grafana can lay them out."""

import json
import re
import shutil
import subprocess
from collections import Counter
from itertools import combinations

import pytest

from charts.monitoring.dashboards.write import DASHBOARDS, FILES
from tests.monitoring.pages import FAMILIES, PAGES, Json, asked, choices, panels
from tests.monitoring.promql import OF_TARGETS, filled, groups, labels, metrics

FAMILY_OF = {name: family for family in FAMILIES.values() for name in family.series}
NOT_SHOWN: dict[str, str] = {}
"""Metrics that are on no page, each with the reason."""
COUNTS_TARGETS = "Pods"
KINDS = {"stat", "timeseries", "heatmap", "table", "bargauge"}
UNITS = {"short", "s", "ops", "bytes", "percentunit"}

each_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


def test_the_files_are_what_the_builders_make_by_now():
    found = {path.name: path.read_text() for path in DASHBOARDS.iterdir()}
    assert found == {name: made() for name, made in FILES.items()}, "run make chart"


def test_prometheus_understands_every_question(tmp_path):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    wanted = {filled(each.expr, "process") for each in asked()}
    rules = [{"record": f"asked:{number}", "expr": expr} for number, expr in enumerate(sorted(wanted))]
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}))
    checked = subprocess.run(
        [promtool, "check", "rules", file], capture_output=True, text=True, check=False, timeout=60
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"SUCCESS: {len(rules)} rules found" in checked.stdout


def test_every_metric_that_is_asked_for_is_told():
    assert {name for each in asked() for name in metrics(each.expr)} <= FAMILY_OF.keys()


def test_every_metric_that_is_told_is_shown():
    shown = {FAMILY_OF[name].name for each in asked() for name in metrics(each.expr)}
    assert FAMILIES.keys() - shown == NOT_SHOWN.keys()


def test_every_metric_is_narrowed_and_grouped_by_labels_that_it_has():
    for each in asked():
        for name, label in labels(each.expr):
            assert label in {*FAMILY_OF[name].labels, *OF_TARGETS}, f"{each}: {name} has no {label}"


def test_a_counter_is_asked_how_it_rises_and_a_gauge_how_it_stands():
    for each in asked():
        for name in metrics(each.expr):
            rises = re.findall(
                rf"\b(?:rate|increase)\({name}{{[^}}]*}}\[\$__(?:rate_interval|range)\]\)", each.expr
            )
            counts = 0 if FAMILY_OF[name].kind == "gauge" else len(re.findall(rf"\b{name}\b", each.expr))
            assert len(rises) == counts or each.panel == COUNTS_TARGETS, str(each)


def test_every_question_is_about_the_installation_that_was_chosen():
    for each in asked():
        job = "$api" if each.page == "taskbell-http" else "$job"
        job = "$workers" if "taskbell_worker_" in each.expr else job
        here = f'{{namespace=~"$namespace",job=~"{job}"'
        if "taskbell_adapter_" in each.expr:  # its job is another, and a namespace has one at the most
            here = '{namespace=~"$namespace"}'
        narrowed = each.expr.count(here)
        assert narrowed == len(re.findall(r"\btaskbell_\w+", each.expr)), str(each)


def test_a_legend_names_what_its_question_is_grouped_by():
    for each in asked():
        assert set(re.findall(r"{{(\w+)}}", each.legend)) <= groups(each.expr), str(each)


@each_page
def test_a_panel_has_a_title_a_unit_and_a_kind_that_grafana_knows(page):
    for panel in panels(page):
        assert panel["type"] in KINDS
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert len(panel["title"]) <= 40
        if panel["type"] in {"timeseries", "bargauge"}:
            assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]


@each_page
def test_panels_lie_beside_each_other(page):
    for panel in page["panels"]:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    for one, other in combinations(page["panels"], 2):
        assert apart(one["gridPos"], other["gridPos"]), (one["title"], other["title"])


def apart(one: Json, other: Json) -> bool:
    return any(
        first[at] + first[size] <= second[at]
        for first, second in ((one, other), (other, one))
        for at, size in (("x", "w"), ("y", "h"))
    )


@each_page
def test_a_panel_s_number_is_its_own(page):
    assert Counter(panel["id"] for panel in page["panels"]).most_common(1)[0][1] == 1


def test_a_page_has_an_id_of_its_own_that_grafana_takes():
    uids = [page["uid"] for page in PAGES.values()]
    assert uids == list(PAGES)
    assert len(set(uids)) == len(uids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", uid) for uid in uids)


@each_page
def test_a_choice_is_one_that_the_metrics_give(page):
    for series, label in choices(page):
        used = {*labels(series), *((name, label) for name in metrics(series))}
        assert all(which in {*FAMILY_OF[name].labels, *OF_TARGETS} for name, which in used), (series, label)


@each_page
def test_every_variable_that_is_used_is_one_of_the_page(page):
    there = {variable["name"] for variable in page["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(page)))
    assert {name for name in used if not name.startswith("__")} <= there


@each_page
def test_a_page_leads_to_the_others(page):
    [link] = page["links"]
    assert set(link["tags"]) <= set(page["tags"])
    assert (link["type"], link["includeVars"], link["keepTime"]) == ("dashboards", True, True)
    assert set(re.findall(r"/d/([\w-]+)", json.dumps(page))) <= PAGES.keys()
