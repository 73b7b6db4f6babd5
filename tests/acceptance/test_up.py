"""`make up`, as a person at a terminal has it."""

import json
import os
import re
import shlex
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.calls import GOING, curl, eventually, free_ports, status, submit
from tests.acceptance.terminal import Terminal

pytestmark = pytest.mark.timeout(300)

READY = r"taskbell is ready"
BLOCK_END = "└─+\n"


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """An environment in which `make up` disturbs no other run."""
    api, flower, redis = free_ports(3)
    return {
        "PORT": str(api), "FLOWER_PORT": str(flower), "REDIS_PORT": str(redis),
        "TASKBELL_DIR": str(tmp_path / "state"), "NO_COLOR": "1",
    }  # fmt: skip


@pytest.fixture
def make_up(settings: dict[str, str]) -> Callable[..., Terminal]:
    def start(**more: str) -> Terminal:
        return Terminal(["make", "up"], settings | more, f"TASKBELL_DIR={settings['TASKBELL_DIR']}\0")

    return start


def test_the_calls_that_it_prints_work(make_up):
    with make_up() as up:
        up.wait_for(READY)
        up.wait_for(BLOCK_END)
        submitting, asking = re.findall(r"│\s+curl (.*)", up.shown)
        task_id = json.loads(curl(*shlex.split(submitting)))["task_id"]
        ask = shlex.split(asking.replace("TASK_ID", task_id))
        answer = eventually(lambda: json.loads(curl(*ask)), lambda answer: answer["status"] not in GOING)
        assert answer == {"task_id": task_id, "status": "SUCCESS", "result": {"processed_data": "HELLO"}}


def test_ctrl_c_lets_running_jobs_finish_and_leaves_no_process(make_up, settings):
    api = f"http://127.0.0.1:{settings['PORT']}"
    with make_up() as up:
        up.wait_for(BLOCK_END)
        task_id = submit(api, "count_primes", {"below": 400_000_000})
        eventually(lambda: status(api, task_id)["status"], lambda now: now == "STARTED")
        up.press_ctrl_c()
        up.wait_for("up +[|] stopped")
        up.wait_end()
        order = [
            up.shown.rindex(end)
            for end in ("Shutting down: Master", "Warm shutdown", "15 detected", "bye bye")
        ]
        assert order == sorted(order)
        assert up.processes() == {}
    with make_up() as again:
        again.wait_for(BLOCK_END)
        assert status(api, task_id) == {
            "task_id": task_id, "status": "SUCCESS",
            "result": {"below": 400_000_000, "count": 21336326, "largest": 399999959},
        }  # fmt: skip
        again.press_ctrl_c()
        again.wait_end()


def test_a_second_ctrl_c_stops_at_once_whatever_runs(make_up, settings):
    api = f"http://127.0.0.1:{settings['PORT']}"
    with make_up() as up:
        up.wait_for(BLOCK_END)
        task_id = submit(api, "count_primes", {"below": 100_000_000_000})
        eventually(lambda: status(api, task_id)["status"], lambda now: now == "STARTED")
        up.press_ctrl_c()
        up.wait_for("Ctrl-C again to stop hard")
        up.press_ctrl_c()
        up.wait_for("stopping hard")
        up.wait_end()
        assert up.processes() == {}


def test_nothing_is_left_when_the_runner_is_killed(make_up):
    with make_up() as up:
        up.wait_for(BLOCK_END)
        os.kill(up.process_of("manage.py up"), signal.SIGKILL)
        up.wait_end()
        eventually(up.processes, lambda left: left == {})


def test_a_service_that_dies_stops_the_others_and_is_named(make_up):
    with make_up() as up:
        up.wait_for(BLOCK_END)
        os.kill(up.process_of("celery -A djangoNinja flower"), signal.SIGKILL)
        up.wait_for(r"flower ended unexpectedly \(signal 9\)")
        assert up.wait_end() != 0
        assert up.processes() == {}


@pytest.mark.parametrize("variable", ["PORT", "FLOWER_PORT", "REDIS_PORT"])
def test_a_port_in_use_is_told_in_one_line_before_anything_starts(make_up, settings, variable):
    with socket.create_server(("127.0.0.1", int(settings[variable]))), make_up() as up:
        assert up.wait_end() != 0
        told = [line for line in up.shown.splitlines() if not line.startswith("make: ")]
        assert len(told) == 1
        assert f"port {settings[variable]}" in told[0]
        assert f"set {variable}" in told[0]


def test_two_runs_never_share_the_data_of_a_valkey(make_up, settings):
    with make_up() as up:
        up.wait_for(BLOCK_END)
        ports = dict(zip(("PORT", "FLOWER_PORT", "REDIS_PORT"), map(str, free_ports(3)), strict=True))
        with Terminal(["make", "up"], settings | ports, f"PORT={ports['PORT']}\0") as second:
            assert second.wait_end() != 0
            assert f"in use by process {up.process_of('manage.py up')}" in second.shown


def test_lines_are_coloured_on_a_terminal_unless_it_is_told_not_to(make_up):
    with make_up(NO_COLOR="") as up:
        assert up.wait_for("\x1b\\[\\d+mmigrate +[|]\x1b\\[0m")
    with make_up() as up:
        up.wait_for("migrate +[|]")
        assert "\x1b[" not in up.shown
