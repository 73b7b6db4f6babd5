"""A run from the first service's start to the last one's end.

Started: Redis, migrations, API and worker at once, Flower when there is a worker to ask. Ended:
the API first, so that nothing new comes in; the worker next, which finishes what it runs; Redis
last, which holds it.
"""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

from jobs.up import services
from jobs.up.child import Child
from jobs.up.guard import Guard
from jobs.up.log import Log
from jobs.up.plan import CannotStart, Plan
from jobs.up.services import Service
from jobs.up.welcome import welcome

_ENDS = ("migrate", "api", "worker", "flower", "redis")
_REMIND_EVERY = timedelta(seconds=20)


class Runner:
    """The services of one run."""

    def __init__(self, plan: Plan, log: Log) -> None:
        self._plan = plan
        self._log = log
        self._guard = Guard()
        self._children: list[Child] = []
        self._stop = asyncio.Event()
        self._hard = asyncio.Event()
        self._failed = False

    async def run(self) -> int:
        """Run until it is told to stop or a service dies; gives the exit code."""
        starting = asyncio.create_task(self._start())
        starting.add_done_callback(self._started)
        await self._stop.wait()
        starting.cancel()
        await asyncio.wait({starting})
        for child in sorted(self._children, key=lambda child: _ENDS.index(child.service.name)):
            if child.service.farewell and not self._hard.is_set():
                self._log.line("up", f"{child.service.farewell}; Ctrl-C again to stop hard")
            await child.stop(self._hard)
        self._guard.close()
        self._log.line("up", "stopped")
        return int(self._failed or self._hard.is_set())

    def stop(self) -> None:
        """Stop in order; when told again, at once."""
        if not self._stop.is_set():
            self._log.line("up", "stopping")
            self._stop.set()
        elif not self._hard.is_set():
            self._log.line("up", "stopping hard: jobs that run are cut off and run again at the next start")
            self._hard.set()

    async def _start(self) -> None:
        plan = self._plan
        if plan.redis_port:
            await self._ready(services.redis(plan, plan.redis_port))
        await self._migrate()
        await self._ready(services.worker(), services.api(plan))
        await self._ready(services.flower(plan))
        self._log.block(welcome(plan))

    def _started(self, starting: asyncio.Task[None]) -> None:
        if not starting.cancelled() and (error := starting.exception()):
            self._fail(f"cannot start: {error}")

    async def _ready(self, *chosen: Service) -> None:
        """Start services, and wait until they work."""
        children = [await self._spawn(service) for service in chosen]
        await asyncio.gather(*(self._reminding(child.service.name, child.ready()) for child in children))

    async def _spawn(self, service: Service) -> Child:
        child = await self._begin(service)

        def died(ended: asyncio.Task[int]) -> None:
            if not self._stop.is_set():
                self._fail(f"{service.name} ended unexpectedly ({_how(ended.result())}): stopping the rest")

        child.ended.add_done_callback(died)
        return child

    async def _begin(self, service: Service) -> Child:
        child = await Child.start(service, self._plan.environ, log=self._log, guard=self._guard)
        self._children.append(child)
        return child

    async def _migrate(self) -> None:
        child = await self._begin(services.migrate())
        if code := await asyncio.shield(child.ended):
            raise CannotStart(f"migrate ended with {_how(code)}")
        self._children.remove(child)

    def _fail(self, message: str) -> None:
        self._failed = True
        self._log.line("up", message)
        self._stop.set()

    async def _reminding(self, name: str, ready: Awaitable[None]) -> None:
        """Wait until a service is ready, and say now and then that it is not yet."""
        waiting = asyncio.ensure_future(ready)
        while not (await asyncio.wait({waiting}, timeout=_REMIND_EVERY.total_seconds()))[0]:
            self._log.line("up", f"still waiting for {name}")
        await waiting


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
