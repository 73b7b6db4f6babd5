"""The alerts: each fires on its trouble, for the installation that has it, and on nothing else."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from charts.monitoring.alerts import ALERTS
from charts.monitoring.write import CHART, FILES
from jobs.metrics import families
from tests.docs.pages import ROOT, Page, page
from tests.monitoring.cases import CASES, WELL, Case

promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not here: Debian's package prometheus has it"
)
RULES = CHART / "files" / "alerts.yaml"
RUNBOOKS = ROOT / "docs" / "runbooks"
INDEX = page("docs/runbooks/README.md")
PAGES = [Page(RUNBOOKS / alert.page) for alert in ALERTS]
PARTS = ["## What it means", "## How to look", "## What to do", "## When it resolves"]
KNOWN = {
    name
    for page_ in (families.OF_LEDGER, families.OF_PROCESS, families.OF_WORKER, families.OF_ADAPTER)
    for each in page_
    for name in each.series
}
TARGET = {"job": "taskbell", "instance": "a"}
"""The labels that both installations have alike."""
METRIC = re.compile(r"\btaskbell_[a-z_]+")


def run(*args: str | Path) -> None:
    done = subprocess.run(["promtool", *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def labelled(series: str, **labels: str) -> str:
    """A series with more labels; its own win."""
    name, _, own = series.rstrip("}").partition("{")
    given = labels | dict(re.findall(r'(\w+)="([^"]*)"', own))
    given = {key: value for key, value in given.items() if value}
    return f"{name}{{{', '.join(f'{key}="{value}"' for key, value in given.items())}}}"


def group(case: Case) -> dict[str, Any]:
    """A case as promtool has it."""
    other = {} if case.alone else WELL
    series = {labelled(name, namespace="other", **TARGET): values for name, values in other.items()}
    for name, values in (WELL | case.series).items():
        series[labelled(name, namespace="shop", **TARGET)] = values
    wanted = [
        labelled("", **{"alertname": alert, "namespace": "shop"} | labels)
        for alert, labels in case.fires.items()
    ]
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'group without (job, instance, alertstate, severity) (ALERTS{alertstate="firing"})',
                "eval_time": f"{case.at}m",
                "exp_samples": [{"labels": each, "value": 1} for each in wanted],
            }
        ],
    }


@pytest.mark.parametrize("name", FILES)
def test_what_is_made_of_the_alerts_is_up_to_date(name):
    assert (CHART / name).read_text() == FILES[name](), "run make chart"


@promtool
def test_prometheus_takes_the_file():
    run("check", "rules", RULES)


@promtool
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.said.replace(" ", "-"))
def test_the_alerts_that_fire_are_those_of_what_is_wrong(case, tmp_path):
    tests = tmp_path / "alerts.test.yaml"
    tests.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "tests": [group(case)]}))
    run("test", "rules", tests)


def test_every_alert_has_a_case_in_which_it_fires():
    assert {alert.name for alert in ALERTS} == {name for case in CASES for name in case.fires}


def test_every_metric_of_an_alert_or_a_page_is_told_by_somebody():
    texts = [alert.expr for alert in ALERTS]
    texts += [block.text for each in [INDEX, *PAGES] for block in each.blocks("promql")]
    assert {name for text in texts for name in METRIC.findall(text)} <= KNOWN


def test_every_alert_has_a_page_and_every_page_an_alert():
    assert {path for path in RUNBOOKS.glob("*.md") if path != INDEX.path} == {each.path for each in PAGES}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_a_page_has_the_alert_s_name_and_its_parts_in_order(alert):
    lines = (RUNBOOKS / alert.page).read_text().splitlines()
    assert lines[0] == f"# {alert.name}"
    assert [line for line in lines if line.startswith("## ")] == PARTS


def test_the_index_has_every_alert_with_its_severity_and_summary():
    wanted = [[f"[{each.name}]({each.page})", each.severity, each.summary] for each in ALERTS]
    assert INDEX.table("# ") == wanted


def test_the_index_names_the_alerts_that_tell_installations_apart_by_their_namespace_alone():
    wanted = {alert.name for alert in ALERTS if "on (namespace)" in alert.expr}
    [line] = [each for each in INDEX.prose.split("\n- ") if "a namespace of its own" in each]
    assert set(re.findall(r"Taskbell\w+", line)) == wanted


@promtool
def test_prometheus_understands_what_the_pages_ask_it(tmp_path):
    asked = [
        line
        for each in [INDEX, *PAGES]
        for block in each.blocks("promql")
        for line in block.text.splitlines()
    ]
    rules = [{"record": f"page:{number}", "expr": line} for number, line in enumerate(asked)]
    file = tmp_path / "pages.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "pages", "rules": rules}]}))
    assert rules
    run("check", "rules", file)
