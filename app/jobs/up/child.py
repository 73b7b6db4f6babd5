"""A service's process and all that it starts: begun, listened to, and ended whole."""

import asyncio
import contextlib
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Mapping
from typing import Self

from jobs.up.guard import Guard, kill_group
from jobs.up.log import Log
from jobs.up.plan import APP
from jobs.up.ready import until
from jobs.up.services import Service


class Child:
    """A running service, in a session of its own: a Ctrl-C at the terminal reaches only the runner."""

    def __init__(self, service: Service, process: asyncio.subprocess.Process, log: Log, guard: Guard) -> None:
        self.service = service
        self._process = process
        self._log = log
        self._guard = guard
        guard.watch(process.pid)
        self._said_ready = asyncio.Event()
        self.ended = asyncio.create_task(self._end())
        """Its exit code, negative for a signal, once it has ended whole and its last line is written."""

    @classmethod
    async def start(cls, service: Service, environ: Mapping[str, str], *, log: Log, guard: Guard) -> Self:
        """Start a service. It is killed when this process ends, whatever ends it."""
        process = await asyncio.create_subprocess_exec(
            *service.argv, cwd=APP, env=environ, start_new_session=True,
            stdin=DEVNULL, stdout=PIPE, stderr=STDOUT,
        )  # fmt: skip
        return cls(service, process, log, guard)

    async def ready(self) -> None:
        """Return when the service works."""
        if self.service.ready_text:
            await self._said_ready.wait()
        if self.service.check:
            await until(self.service.check)

    async def stop(self, hard: asyncio.Event) -> None:
        """Ask it to end, and wait; kill it when its patience is over or `hard` is set."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        patience = self.service.patience.total_seconds() if self.service.patience else None
        stopped_hard = asyncio.create_task(hard.wait())
        await asyncio.wait({self.ended, stopped_hard}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        stopped_hard.cancel()
        if not self.ended.done():
            kill_group(self._process.pid)
        await self.ended

    async def _end(self) -> int:
        listening = asyncio.create_task(self._listen())
        code = await self._process.wait()
        kill_group(self._process.pid)  # else what it left behind would keep the pipe open, and live on
        self._guard.forget(self._process.pid)
        await listening
        return code

    async def _listen(self) -> None:
        rest = b""
        while piece := await self._output().read(65536):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                self._say(line)
        if rest:
            self._say(rest)

    def _output(self) -> asyncio.StreamReader:
        if self._process.stdout is None:
            raise RuntimeError("started without a pipe")
        return self._process.stdout

    def _say(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        if self.service.ready_text and self.service.ready_text in text:
            self._said_ready.set()
        self._log.line(self.service.name, text)
