"""The run's own installation: Redis, APIs and workers in a directory of their own, on free ports.

One API and one worker reach Redis through proxies of their own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from jobs.chaos.deaths import Deaths
from jobs.chaos.kills import STOPPED, Kills
from jobs.chaos.plan import APIS, CannotRun, Plan, environment
from jobs.chaos.processes import Fleet, Member, Program, free_port
from jobs.chaos.proxy import CuttingProxy, cutting_proxy
from jobs.chaos.silences import Silences
from jobs.chaos.strikes import Strikes
from jobs.chaos.subject import Subject
from jobs.up.ready import answers_http, answers_ping, until
from jobs.up.services import redis_command

START_SECONDS = 60


class Rig:
    """Everything that a run needs, from `with` to its end."""

    def __init__(self, plan: Plan, subject_at: Callable[[str], Subject], directory: Path) -> None:
        port = free_port()
        self.directory = directory
        self.strikes = Strikes()
        self.subject = subject_at(f"redis://127.0.0.1:{port}/0")
        self.urls: list[str] = []
        self._plan = plan
        self._redis_port = port
        self._proxies: dict[str, CuttingProxy] = {}
        self._stack = ExitStack()
        self.fleet = Fleet(directory)
        self._pages: dict[int, Member] = {}
        """The workers by the ports of their metrics."""

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.fleet.close()
            self._stack.close()
            raise
        chance = Random(f"{self._plan.seed} faults")
        self._silences = Silences(self.fleet, self._proxies, self.strikes, chance)
        self.deaths = Deaths(self._pages)
        self.deaths.start()
        if self._plan.kills:
            self._silences.begin()
        self.faults = Kills(self.fleet, self.strikes, chance).all | self._silences.all
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._silences.end()
        self.deaths.stop()
        self.fleet.close()
        self._stack.close()
        self.strikes.write(self.directory / "strikes.log")

    def calm(self) -> None:
        """Undo every silence, and strike no more."""
        self._silences.end()

    @property
    def replies_lost(self) -> int:
        return sum(proxy.cuts for proxy in self._proxies.values())

    @property
    def ended_by_themselves(self) -> int:
        """Starts beyond the first that no kill explains."""
        struck = {strike.pid for strike in self.strikes.all if strike.fatal or strike.fault == STOPPED}
        return sum(len(member.ended - struck) for member in self.fleet.members)

    def _start(self) -> None:
        redis = redis_command(
            self.directory / "redis", self._redis_port, fsync=self._plan.fsync, server=self._plan.redis_server
        )
        self.fleet.add(Program(
            name="redis", argv=redis, env=self._environment("redis"), cwd=self.directory,
            back_after=timedelta(seconds=1),
        ))  # fmt: skip
        _ready("Redis", lambda: answers_ping("127.0.0.1", self._redis_port))
        self.subject.prepare(self.directory, self._environment("prepare"))
        ports = [self._add_api(f"api-{number}") for number in range(1, APIS + 1)]
        for number in range(1, self._plan.workers + 1):
            self._add_worker(f"worker-{number}")
        for port in ports:
            _ready("the API", lambda port=port: answers_http("127.0.0.1", port, "/readyz"))  # type: ignore[misc]
        self.fleet.keep_alive()

    def _add_api(self, name: str) -> int:
        port = free_port()
        self.fleet.add(self.subject.api(name, self.directory, self._environment(name), port))
        self.urls.append(f"http://127.0.0.1:{port}")
        return port

    def _add_worker(self, name: str) -> None:
        port = free_port()
        env = self._environment(name) | {"JOBS_WORKER_METRICS_PORT": str(port)}
        self._pages[port] = self.fleet.add(
            self.subject.worker(name, self.directory, env, self._plan.concurrency)
        )

    def _environment(self, name: str) -> dict[str, str]:
        if name not in {"api-1", "worker-1"}:
            return environment(self.directory, f"redis://127.0.0.1:{self._redis_port}/0")
        seed = f"{self._plan.seed} {name}"
        proxy = self._stack.enter_context(cutting_proxy(self._redis_port, seed))
        self._proxies[name] = proxy
        return environment(self.directory, proxy.url)


def _ready(name: str, check: Callable[[], Awaitable[bool]]) -> None:
    async def wait() -> None:
        async with asyncio.timeout(START_SECONDS):
            await until(check)

    try:
        asyncio.run(wait())
    except TimeoutError:
        raise CannotRun(f"{name} did not answer within {START_SECONDS} s") from None
