"""What the checkers of others say of the chart."""

import json
import shutil

import pytest

from tests.chart.rendering import CHART, PRESETS, TOOLS, template, tool

pytestmark = [pytest.mark.chart, pytest.mark.timeout(300)]
BY_CHOICE = {
    # A limit slows down what could run on an idle node; production sets one.
    "container-resources",
    # A tag is pulled where it is absent; a digest, in production, always.
    "container-image-pull-policy",
    # One pod of each may go at any time on one node.
    "deployment-has-poddisruptionbudget",
}
DEVELOPMENT = CHART / "ci" / "dev-values.yaml"
PRODUCTION = CHART / "ci" / "production-values.yaml"


def test_checkov_finds_nothing_in_production(tmp_path):
    rendered = tmp_path / "production.yaml"
    rendered.write_text(template("--values", PRODUCTION))
    done = tool(
        "checkov", "--file", rendered, "--framework", "kubernetes", "--skip-download", "--output", "json",
    )  # fmt: skip
    summary = json.loads(done.stdout)["summary"]
    assert (summary["failed"], summary["skipped"], summary["parsing_errors"]) == (0, 0, 0), done.stdout
    assert summary["passed"] > 500


@pytest.mark.parametrize(
    "preset", [path for path in PRESETS if path != DEVELOPMENT], ids=lambda path: path.stem
)
@pytest.mark.skipif(
    not (shutil.which("go") or (TOOLS / "bin" / "kube-score").exists()),
    reason="kube-score is compiled: no Go here",
)
def test_kube_score_finds_nothing_critical(preset, tmp_path):
    rendered = tmp_path / "all.yaml"
    rendered.write_text(template("--values", preset))
    ignored = [] if preset == PRODUCTION else [f"--ignore-test={name}" for name in BY_CHOICE]
    done = tool(
        "kube-score", "score", *ignored, "--kubernetes-version", "v1.34", "--output-format", "ci", rendered
    )  # fmt: skip
    assert "[OK]" in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("[CRITICAL]")] == []
