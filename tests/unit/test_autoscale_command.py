"""The simulator as a command: a small day, its plot, what it refuses, and what its page shows."""

import re
import shlex
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from bench.autoscale.report import percent, seconds
from tests.docs.pages import ROOT, page

PAGE = page("docs/howto/autoscaling-values.md")
COMPARED = ".venv/bin/python bench/autoscale --values wide.yaml --values brisk.yaml"


def autoscale(*arguments, cwd=ROOT):
    return subprocess.run(
        [sys.executable, ROOT / "bench/autoscale", *arguments],
        cwd=cwd, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def rows(printed):
    """The cells of each strategy, by its name."""
    lines = [line for line in printed.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return {name: rest for name, *rest in cells}


def test_a_small_day_is_a_table_of_all_strategies(tmp_path):
    (tmp_path / "mine.yaml").write_text("worker: {autoscaling: {minReplicas: 3, maxReplicas: 5}}")
    ran = autoscale("--jobs", "500", "--objective", "5", "--values", "mine.yaml", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("500 jobs in 24 h; ")
    assert "| within 5 s |" in ran.stdout
    assert list(rows(ran.stdout)) == [
        "backlog, chart", "backlog, mine", "CPU, 70 %", "fixed, mean: 1", "fixed, least: 3", "fixed, most: 5",
    ]  # fmt: skip


def test_a_day_of_ones_own_is_reckoned_as_by_hand(tmp_path):
    (tmp_path / "jobs.csv").write_text("seconds,duration\n" + "0,10\n" * 9)
    (tmp_path / "one.yaml").write_text(
        "worker: {resources: {requests: {cpu: null}}, autoscaling: {maxReplicas: 1}}"
    )
    ran = autoscale("--arrivals", "jobs.csv", "--values", "one.yaml", cwd=tmp_path)
    assert "No autoscaling by CPU: a pod requests none." in ran.stdout
    told = rows(ran.stdout)["fixed, least and mean and most: 1"]
    assert told == ["10 s", "20 s", "20 s", "20 s", "100.0 %", "1.0", "0.6 %", "1", "0", "0", "0"]


def test_the_plot_is_an_image_with_two_panels_a_strategy(tmp_path):
    ran = autoscale("--jobs", "500", "--plot", "day.svg", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    svg = ET.parse(tmp_path / "day.svg").getroot()
    space = {"svg": "http://www.w3.org/2000/svg"}
    names = [text.text for text in svg.findall("svg:text[@class='name']", space)]
    assert names == ["jobs that come", *(name for name in rows(ran.stdout) for _ in range(2))]
    assert len(svg.findall("svg:path[@class='jobs']", space)) == 1 + len(rows(ran.stdout))
    assert "nan" not in (tmp_path / "day.svg").read_text()


def test_jobs_that_would_be_cut_off_are_told(tmp_path):
    (tmp_path / "short.yaml").write_text("worker: {shutdown: {seconds: 5}}")
    ran = autoscale(
        "--jobs", "500", "--median", "600", "--p99", "600", "--values", "short.yaml", cwd=tmp_path
    )
    found = re.search(
        r"^backlog, short: .* ([\d,]+) ran on for longer than .* \(5\): ", ran.stdout, re.MULTILINE
    )
    assert found
    assert 0 < int(found[1]) <= int(rows(ran.stdout)["backlog, short"][-1])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--jobs", "0"], "argument --jobs: '0' is no whole number above 0"),
        (["--jobs", "many"], "argument --jobs: 'many' is no whole number from 0"),
        (["--median", "0"], "argument --median: '0' is no number of seconds above 0"),
        (["--p99", "inf"], "argument --p99: 'inf' is no number of seconds above 0"),
        (["--p99", "1"], "--p99 is below --median"),
        (["--cpu-share", "2"], "argument --cpu-share: '2' is no share from 0 to 1"),
        (["--quiet", "5-1"], "argument --quiet: '5-1' is not as `1-5`"),
        (["--pool", "mail"], "--pool names a pool of the files that --values names"),
        (["--arrivals", "away.csv"], "away.csv: cannot be read: No such file or directory"),
        (["--values", "away.yaml"], "away.yaml: cannot be read: No such file or directory"),
        (["--jobs", "9", "--plot", "away/day.svg"], "away/day.svg: cannot be written: No such file"),
        (["--later"], "unrecognized arguments: --later"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_makes_no_sense_is_refused_in_one_line(arguments, told, tmp_path):
    ran = autoscale(*arguments, cwd=tmp_path)
    assert ran.returncode != 0
    assert ran.stderr.startswith(f"autoscale: {told}")
    assert ran.stderr.count("\n") == 1


def test_help_names_the_page_and_every_option_of_the_page():
    told = autoscale("--help").stdout
    assert PAGE.name in told
    assert {option for option in re.findall(r"--[a-z][a-z0-9-]+", PAGE.prose) if option not in told} == set()


def test_the_page_shows_what_its_command_prints(tmp_path):
    for block in PAGE.blocks("yaml"):
        head, _, text = block.text.partition("\n")
        (tmp_path / head.removeprefix("# ")).write_text(text)
    shown = dict(PAGE.commands())[COMPARED]
    ran = autoscale(*shlex.split(COMPARED)[2:], cwd=tmp_path)
    assert ran.stdout.strip() == shown


@pytest.mark.parametrize(
    ("duration", "told"),
    [(0, "0 s"), (0.44, "0.4 s"), (9.99, "10 s"), (59.6, "1 min"), (60, "1 min"), (3599.7, "1 h"),
     (200, "3 min 20 s"), (7500, "2 h 5 min")],
)  # fmt: skip
def test_a_duration_is_written_for_people(duration, told):
    assert seconds(duration) == told


def test_only_all_is_a_hundred_percent():
    assert [percent(share) for share in (0, 0.99999, 1)] == ["0.0 %", "99.9 %", "100.0 %"]
