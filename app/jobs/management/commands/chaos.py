"""`manage.py chaos`: the proof that no accepted job is lost, whatever is killed."""

import sys
from argparse import ArgumentTypeError
from pathlib import Path
from random import SystemRandom
from typing import Any

from django.core.management.base import CommandParser

from jobs.chaos.command import chaos, chaos_at
from jobs.chaos.plan import CannotRun, Plan
from jobs.management.teaching import TeachingCommand

_HELP = """Submit jobs of all kinds while processes are killed at random instants, and count what came
of each. It starts a Redis, two APIs and some workers of its own in a temporary directory, on free
ports; your installation is not touched. Mixed in: retries, delays, priorities, cancels; SIGKILL of
pool processes, workers, APIs and Redis; SIGSTOP for longer than a lease; replies that are lost.

Every attempt writes to a witness, a file outside Redis. At the end the witness, the API and the
ledger must agree: no job lost, stuck, or run twice while its lease was held; accounting gap 0.
The exit code is 0 if so, 1 if not, 2 if the run could not be made."""
_EPILOG = """examples:
  manage.py chaos                                       a few minutes
  manage.py chaos --jobs 2000 --kills 20 --redis-restarts 1   a first look
  manage.py chaos --stock                               stock Celery beside it, by the same means
  manage.py chaos --fsync everysec                      Redis flushes its file once a second
  manage.py chaos --api http://localhost:8001 --jobs 5000    your installation; you do the kills"""


class Command(TeachingCommand):
    """See `_HELP`."""

    help, epilog = _HELP, _EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--jobs", type=_positive, default=20_000, help="jobs to submit (20000)")
        add("--kills", type=_count, default=200, help="SIGKILLs of all but Redis (200)")
        add("--redis-restarts", type=_count, default=5, help="SIGKILLs of Redis, which comes back (5)")
        add("--seed", type=int, help="what the run's choices are made from; a new one by default")
        add("--fsync", choices=("always", "everysec"), default="always", help="Redis's appendfsync (always)")
        add("--workers", type=_positive, default=3, help="workers (3)")
        add("--concurrency", type=_positive, default=6, help="pool processes of each (6)")
        add("--redis-server", metavar="PATH", help="a Redis or Valkey; the embedded Valkey by default")
        add("--stock", action="store_true", help="then the same for stock Celery, in a second column")
        add("--api", metavar="URL", help="submit to this API and verify, and kill nothing")
        add("--json", type=Path, metavar="FILE", help="write the figures there")
        add("--keep", action="store_true", help="keep the logs and the witness of a run that holds, too")

    def handle(self, *_args: Any, **options: Any) -> None:
        names = ("jobs", "kills", "redis_restarts", "fsync", "workers", "concurrency", "redis_server")
        seed = options["seed"] if options["seed"] is not None else SystemRandom().randrange(10**6)
        plan = Plan(seed=seed, **{name: options[name] for name in names})
        try:
            if options["api"]:
                sys.exit(chaos_at(options["api"], plan, figures_file=options["json"]))
            sys.exit(chaos(plan, stock=options["stock"], keep=options["keep"], figures_file=options["json"]))
        except CannotRun as error:
            sys.stderr.write(f"chaos: {error}\n")
            sys.exit(2)
        except KeyboardInterrupt:
            sys.exit(130)


def _count(text: str, least: int = 0) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise ArgumentTypeError(f"{text} is no whole number from {least} up")
    return int(text)


def _positive(text: str) -> int:
    return _count(text, 1)
