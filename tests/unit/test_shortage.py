"""Whether the kernel killed for want of memory, read from files as the kernel writes them."""

import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

import djangoNinja  # noqa: F401 - sets Django up
from jobs.worker import memory
from jobs.worker.deaths import Death, Processes
from jobs.worker.memory import Shortage, counter
from tests.workers import eventually

V2 = "low 0\nhigh 0\nmax 12\noom 3\noom_kill {}\noom_group_kill 7\n"
V1 = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"
LAYOUTS = {
    "version 2": ("0::/pods/a\n", "sys/fs/cgroup/pods/a/memory.events", V2),
    "version 2 in a namespace": ("0::/\n", "sys/fs/cgroup/memory.events", V2),
    "version 2 of another namespace": ("0::/../b\n", "sys/fs/cgroup/memory.events", V2),
    "version 1": (
        "12:pids:/\n4:memory:/docker/c\n0::/\n", "sys/fs/cgroup/memory/docker/c/memory.oom_control", V1,
    ),
    "version 1 in a container": (
        "4:cpu,memory:/docker/c\n0::/\n", "sys/fs/cgroup/memory/memory.oom_control", V1,
    ),
}  # fmt: skip
"""What /proc/self/cgroup says, where the counter is, and what stands there."""


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture(params=LAYOUTS)
def events(request, tmp_path):
    """Sets how often the kernel has killed, in a machine of one layout."""
    groups, name, text = LAYOUTS[request.param]
    write(tmp_path, "proc/self/cgroup", groups)

    def kills(number: int) -> None:
        write(tmp_path, name, text.format(number))

    kills(4)
    return kills


def test_a_kill_after_the_start_is_told_once(events, tmp_path):
    shortage = Shortage(tmp_path)
    assert not shortage.rose()
    events(5)
    assert shortage.rose()
    assert not shortage.rose()
    events(7)
    assert [shortage.rose(), shortage.rose(), shortage.rose()] == [True, True, False]


def test_a_kill_is_no_news_for_long(events, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "RECENT_SECONDS", 0.0)
    shortage = Shortage(tmp_path)
    events(5)
    shortage.look()
    assert shortage.rose()  # it may have been this one's, which took a while to die
    events(6)
    shortage.look()
    shortage.look()
    assert not shortage.rose()


@pytest.mark.parametrize("groups", ["", "4:memory:/gone\n0::/\n", None])
def test_a_machine_that_does_not_count_tells_nothing(tmp_path, groups):
    if groups is not None:
        write(tmp_path, "proc/self/cgroup", groups)
    assert counter(tmp_path) is None
    assert not Shortage(tmp_path).rose()


def test_a_process_that_is_killed_while_the_counter_rises_died_for_want_of_memory(events, tmp_path):
    processes = Processes(SimpleNamespace(pool=None), Shortage(tmp_path))
    causes = []
    for kills in (5, 5):
        events(kills)
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
            assert processes.death(child.pid) is None
            child.kill()
            causes.append(str(eventually(partial(processes.death, child.pid))))
    assert causes == ["was killed by SIGKILL, out of memory", "was killed by SIGKILL"]


def test_the_cause_of_a_death_is_waited_for_while_the_pool_is_about_to_note_it(tmp_path):
    """Billiard reaps a process, and notes its exit code in the next line: another thread may look between."""
    processes = Processes(SimpleNamespace(pool=None), Shortage(tmp_path))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        child.kill()
        _, status = os.waitpid(child.pid, 0)
        noted = SimpleNamespace(returncode=None)
        processes._known[child.pid] = SimpleNamespace(_popen=noted)
        assert os.WIFSIGNALED(status)
        late = threading.Timer(0.05, setattr, (noted, "returncode", -os.WTERMSIG(status)))
        late.start()
        assert str(processes.death(child.pid)) == "was killed by SIGKILL"
        late.join()
        assert str(processes.death(1)) == "died"  # nobody here ever knows


def test_this_machine_s_own_counter_can_be_read():
    if counter() is None:
        pytest.skip("no cgroup here counts")
    assert not Shortage().rose()


@pytest.mark.parametrize(
    ("death", "told"),
    [
        (Death(code=-9), "was killed by SIGKILL"),
        (Death(code=-9, out_of_memory=True), "was killed by SIGKILL, out of memory"),
        (Death(code=-11), "was killed by SIGSEGV"),
        (Death(code=-40), "was killed by signal 40"),
        (Death(code=3), "exited with code 3"),
        (Death(code=None), "died"),
    ],
)
def test_a_death_says_how(death, told):
    assert str(death) == told
