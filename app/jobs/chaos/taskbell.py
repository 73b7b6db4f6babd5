"""The platform as a subject: its own commands, its own ledger's counts."""

import subprocess
import sys
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path

from jobs.chaos.counted import Counted, read_counted
from jobs.chaos.plan import CannotRun
from jobs.chaos.processes import Program
from jobs.chaos.subject import Tally
from jobs.conf import Settings
from jobs.errors import LedgerUnavailable
from jobs.ledger import Ledger
from jobs.up.plan import APP

BIN = Path(sys.executable).parent


class Taskbell:
    """The platform, with its ledger at the address that the settings name."""

    name = "taskbell"

    def __init__(self, settings: Settings) -> None:
        self.patience = settings.LEASE * 6
        self._ledger = Ledger(settings)

    def prepare(self, directory: Path, env: Mapping[str, str]) -> None:
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        made = subprocess.run(command, cwd=APP, env=dict(env), capture_output=True, text=True, check=False)
        if made.returncode:
            raise CannotRun(f"migrate failed: {made.stderr.strip().splitlines()[-1]}")

    def worker(self, name: str, directory: Path, env: Mapping[str, str], concurrency: int) -> Program:
        options = ("worker", "--loglevel=info", "-c", str(concurrency), "-n", f"{name}@chaos")
        argv = (str(BIN / "celery"), "-A", "djangoNinja", *options)
        return Program(name=name, argv=argv, env=env, cwd=APP, back_after=timedelta(seconds=1))

    def api(self, name: str, directory: Path, env: Mapping[str, str], port: int) -> Program:
        argv = (str(BIN / "gunicorn"), "--config", "gunicorn.conf.py", "--bind", f"127.0.0.1:{port}")
        return Program(name=name, argv=argv, env=env, cwd=APP, back_after=timedelta(seconds=0.5))

    def tally(self) -> Tally | None:
        try:
            all_counts = [self._ledger.counts(queue) for queue in self._ledger.queues()]
        except LedgerUnavailable:
            return None
        return Tally(
            accepted=sum(counts.accepted for counts in all_counts),
            ended=sum(counts.success + counts.failure + counts.revoked for counts in all_counts),
            gap=sum(abs(counts.gap) for counts in all_counts),
        )

    def counted(self) -> Counted | None:
        try:
            return read_counted(self._ledger)
        except LedgerUnavailable as error:
            raise CannotRun(f"the ledger tells no counters: {error}") from None

    def remaining(self, task_ids: Collection[str]) -> Collection[str]:
        """All: the ledger has a record of each, or its status had said that there is none."""
        return task_ids
