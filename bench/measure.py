"""One run: a filled queue, one worker, its rate between 10 % and 90 % done, a check of every job."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from contenders import Contender
from machine import Cpu, machine_cpu, tree_cpu
from processes import Server, Worker, running_worker

LOOK_EVERY_SECONDS = 0.02
STALLED_SECONDS = 60

type Report = Callable[[str, int, int], None]
"""What is done, how many of how many."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run measured, between 10 % and 90 % of its jobs."""

    contender: str
    processes: int
    jobs: int
    seconds: float
    per_second: float
    worker_us: float
    """CPU of the worker and its pool, microseconds a job."""
    redis_us: float
    """CPU of Redis, microseconds a job."""
    commands: float
    """Redis commands a job, those inside scripts counted."""
    reads: float
    """Times that Redis read from a connection, a job: round trips, less what was pipelined."""
    other_cores: float
    """Cores that neither the worker nor Redis kept busy; the harness takes about 0.05 of one."""
    stolen: float
    """Share of the machine's time that its hypervisor gave away."""

    @property
    def disturbance(self) -> float:
        """Cores that the run had to do without."""
        return self.other_cores + self.stolen * (os.cpu_count() or 1)


@dataclass(frozen=True, kw_only=True)
class Mark:
    at: float
    done: int
    worker: float
    redis: float
    commands: int
    reads: int
    machine: Cpu


def run(  # noqa: PLR0913 - what is measured, where, and how it is set up
    contender: Contender,
    processes: int,
    jobs: int,
    server: Server,
    report: Report,
    *,
    options: Sequence[str] = (),
    env: Mapping[str, str] = {},
) -> Run:
    """Measure one worker; `options` and `env` are its own.

    Raises:
        RuntimeError: the worker ended or stalled, or a job came out wrong.
    """
    server.redis.flushall()
    texts = [f"some text, number {number}" for number in range(jobs)]
    submitted: dict[str, str] = {}
    for text, job_id in zip(texts, contender.fill(server, texts), strict=True):
        submitted[job_id] = text
        if len(submitted) % 1000 == 0:
            report("submitted", len(submitted), jobs)
    with running_worker(contender.app, processes, server.url, options, **env) as worker:
        first, last = watch(contender, jobs, server, worker, report)
        settle(contender, submitted, server)
    return _between(contender, processes, jobs, first, last)


def watch(
    contender: Contender, jobs: int, server: Server, worker: Worker, report: Report
) -> tuple[Mark, Mark]:
    """Look on until all is done; gives the marks at 10 % and 90 %."""
    first = last = None
    done, changed = 0, time.monotonic()
    while done < jobs:
        time.sleep(LOOK_EVERY_SECONDS)
        worker.check()
        before, done = done, contender.done(server, jobs)
        if done != before:
            changed = time.monotonic()
        elif time.monotonic() - changed > STALLED_SECONDS:
            raise RuntimeError(f"stalled at {done} of {jobs} jobs: {worker.log}")
        if first is None and done >= jobs * 0.1:
            first = _mark(done, server, worker)
        if last is None and done >= jobs * 0.9:
            last = _mark(done, server, worker)
        report("ran", done, jobs)
    if first is None or last is None or first.done >= last.done:
        raise RuntimeError(f"{jobs} jobs ended too fast to be measured; ask for more")
    return first, last


def settle(contender: Contender, submitted: dict[str, str], server: Server) -> None:
    """Check every job; stock Celery's last messages are gone before their results are there."""
    until = time.monotonic() + 5
    while faults := contender.faults(server, submitted):
        if time.monotonic() > until:
            raise RuntimeError(f"{contender.name}: {len(faults)} faults: {'; '.join(faults[:3])}")
        time.sleep(0.2)


def _mark(done: int, server: Server, worker: Worker) -> Mark:
    told = server.redis.info()
    return Mark(
        at=time.monotonic(), done=done, worker=tree_cpu(worker.pid),
        redis=told["used_cpu_user"] + told["used_cpu_sys"], commands=told["total_commands_processed"],
        reads=told["total_reads_processed"], machine=machine_cpu(),
    )  # fmt: skip


def _between(contender: Contender, processes: int, jobs: int, first: Mark, last: Mark) -> Run:
    count, seconds = last.done - first.done, last.at - first.at
    worker, redis = last.worker - first.worker, last.redis - first.redis
    other = last.machine.busy - first.machine.busy - worker - redis
    stolen = last.machine.stolen - first.machine.stolen
    return Run(
        contender=contender.name, processes=processes, jobs=jobs, seconds=seconds,
        per_second=count / seconds, worker_us=worker / count * 1e6, redis_us=redis / count * 1e6,
        commands=(last.commands - first.commands) / count, reads=(last.reads - first.reads) / count,
        other_cores=max(0.0, other / seconds), stolen=stolen / (last.machine.total - first.machine.total),
    )  # fmt: skip
