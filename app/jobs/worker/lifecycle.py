"""The platform's part in the start, the forks and the stop of Celery's worker."""

import atexit
import logging
from importlib import import_module
from typing import Any

from celery import bootsteps, concurrency, signals
from celery.app.base import Celery
from celery.worker.components import Pool
from celery.worker.consumer import Consumer
from celery.worker.consumer.tasks import Tasks

from jobs import relay, tracing
from jobs.conf import settings
from jobs.ticker import Ticker
from jobs.worker import changing, control, counted, drain, logs, malformed
from jobs.worker.adopt import Adopter, Strategies
from jobs.worker.bind import bind_declared
from jobs.worker.counts import counts
from jobs.worker.drain import Crew
from jobs.worker.keeper import Keeper
from jobs.worker.limits import Kind

logger = logging.getLogger("jobs.worker")
POOLS = {
    "celery.concurrency.prefork": Kind.PREFORK,
    "celery.concurrency.thread": Kind.THREADS,
    "celery.concurrency.solo": Kind.SOLO,
}


class Adoption(bootsteps.StartStopStep):
    """Messages of plain Celery clients become jobs, also those for tasks that this worker does not know."""

    requires = (Tasks,)

    def __init__(self, consumer: Consumer, **options: Any) -> None:
        super().__init__(consumer, **options)
        consumer.adopter = Adopter(consumer)
        malformed.tell(consumer)

    def start(self, consumer: Consumer) -> None:
        consumer.adopter.resume()
        strategies = Strategies(consumer.app, consumer)
        strategies.update(consumer.strategies)
        consumer.strategies = strategies
        if crew := drain.crew():
            consumer.cancel_active_requests = crew.stop.cancel
            if _kind_of(consumer.controller) is not Kind.SOLO:  # there the loop runs the job
                crew.health.watch(consumer.hub)

    def stop(self, consumer: Consumer) -> None:
        if crew := drain.crew():
            counts.disconnected += not crew.board.stopping
            crew.health.ignore()


class Holders(bootsteps.StartStopStep):
    """The holders are known as soon as there is a pool, and stop first, whatever ends the worker."""

    requires = (Pool,)

    def start(self, worker: Any) -> None:
        worker.keeper.processes.meet()

    def close(self, worker: Any) -> None:
        if crew := drain.crew():
            crew.stop.begin()
        if adopter := getattr(worker.consumer, "adopter", None):
            adopter.give_back()


def install(app: Celery) -> None:
    """Make this application's workers the platform's."""
    app.steps["consumer"].add(Adoption)
    app.steps["worker"].add(Holders)
    control.register()
    changing.register()
    logs.install()
    # Weak references to nested functions would die at once; these are module functions and live.
    signals.worker_init.connect(_on_worker_init)
    signals.worker_process_init.connect(_on_process_init)
    signals.worker_process_shutdown.connect(_on_process_shutdown)
    signals.worker_ready.connect(_on_ready)
    signals.worker_shutting_down.connect(_on_shutting_down)


def _on_worker_init(sender: Any, **_: Any) -> None:
    """Before the worker's parts are made: what Celery would do to a message is done to jobs instead."""
    worker, conf = sender, sender.app.conf
    kind = _kind_of(worker)
    bind_declared(worker.app)
    logs.only_lines(worker)
    conf.task_time_limit = worker.time_limit
    conf.task_soft_time_limit = worker.soft_time_limit
    max_jobs = worker.max_tasks_per_child
    worker.time_limit = worker.soft_time_limit = worker.max_tasks_per_child = None
    # How long a pool waits for the word of a dead process: a bell has no result to wait for.
    worker.worker_lost_wait = 0.1
    # Gossip and mingle exchange nothing that concerns a bell, and cost a second at every start.
    worker.options.update(without_gossip=True, without_mingle=True)
    _take_over_clean_up(worker.app)
    crew = Crew(worker.app, worker.hostname, max_jobs=max_jobs, in_threads=kind is not Kind.PREFORK)
    worker.wait_for_soft_shutdown = crew.stop.cold
    drain.muster(crew)
    counted.tell(crew)
    worker.keeper = keeper = Keeper(crew, worker, kind)
    if port := settings().WORKER_METRICS_PORT:
        # Else its metrics, and Prometheus' client, cost no memory.
        import_module("jobs.worker.telling").listen(port, crew, worker)
    keeper.start()
    Ticker().start()
    relay.start()
    atexit.register(keeper.finish)
    logger.info("worker.mustered crew=%s pool=%s tasks=%d", crew.id, kind.name.lower(), len(crew.known.names))


def _kind_of(worker: Any) -> Kind:
    pool = concurrency.get_implementation(worker.pool_cls)
    if pool.__module__ not in POOLS:
        raise SystemExit(f"taskbell: pool {pool.__module__}: use one of prefork, threads, solo")
    if worker.pool_start_method != "fork":
        raise SystemExit("taskbell: worker_pool_start_method: only 'fork' shares the board with the pool")
    return POOLS[pool.__module__]


def _take_over_clean_up(app: Celery) -> None:
    """Keep Celery from closing every database connection before and after each task.

    The drain closes those that are used up, and so has nothing to do where no job used one.
    """
    for fixup in getattr(app, "_fixups", []):
        if worker_fixup := getattr(fixup, "_worker_fixup", None):
            signals.task_prerun.disconnect(worker_fixup.on_task_prerun)
            signals.task_postrun.disconnect(worker_fixup.on_task_postrun)


def _on_process_init(**_: Any) -> None:
    drain.after_fork()
    tracing.start()


def _on_process_shutdown(**_: Any) -> None:
    tracing.finish()  # a pool process ends without what `atexit` knows


def _on_ready(**_: Any) -> None:
    if crew := drain.crew():
        crew.health.ready()


def _on_shutting_down(sig: str, how: str, **_: Any) -> None:
    """A signal; a cold shutdown has come to `wait_for_soft_shutdown` before."""
    if how == "Warm" and (crew := drain.crew()):
        crew.stop.warm(sig)
