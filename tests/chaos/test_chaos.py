"""The chaos proof itself, at a small size; `make chaos` runs it at its own."""

import json
import subprocess
import sys

import pytest

from tests.servers import APP, environment

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


def figures(tmp_path, *options):
    """What a run found, a mapping for each subject."""
    file = tmp_path / "figures.json"
    ran = subprocess.run(
        [sys.executable, "manage.py", "chaos", "--json", str(file), *options],
        cwd=APP, env=environment("redis://nowhere", TMPDIR=str(tmp_path)), check=False,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    return json.loads(file.read_text())


def test_no_job_is_lost_stuck_or_doubled_whatever_is_killed(tmp_path):
    (found,) = figures(tmp_path, "--jobs", "2500", "--kills", "25", "--redis-restarts", "2")
    assert (found["accepted"], found["lost"], found["stuck"], found["doubled"]) == (2500, 0, 0, 0)
    assert (found["gap_at_end"], found["gap_largest"], found["miscounted"]) == (0, 0, 0)
    assert found["deaths"] > 0
    kills = {name: number for name, number in found["faults"].items() if name.endswith("killed")}
    assert kills.pop("Redis killed") == 2
    assert sum(kills.values()) == 25
    assert list(tmp_path.glob("taskbell-chaos-*")) == []


def test_stock_celery_is_driven_by_the_same_rig(tmp_path):
    options = ("--stock", "--jobs", "60", "--kills", "0", "--redis-restarts", "0")
    ours, stock = figures(tmp_path, *options)
    assert (ours["subject"], stock["subject"]) == ("taskbell", "stock Celery")
    # Even so a RETRY that is stored late can overwrite the SUCCESS of the next attempt there.
    assert (stock["accepted"], stock["finished"] + stock["wrong"]) == (60, 60)
    assert (stock["lost"], stock["doubled"]) == (0, 0)
