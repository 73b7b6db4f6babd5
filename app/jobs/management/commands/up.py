"""`manage.py up`: API, worker, Redis and Flower in the foreground, until Ctrl-C."""

import sys
from typing import Any

from jobs.management.teaching import TeachingCommand
from jobs.up import CannotStart, up
from jobs.up.plan import VARIABLES

_HELP = """Run the whole platform here: an embedded Valkey, the database's migrations, the API,
a worker and Flower. Their lines make one log; a block tells when all is ready.

Ctrl-C stops all of it: the API first, then the worker, which finishes the jobs that it
runs, then Flower, then Valkey. A second Ctrl-C stops at once; what it cuts off runs again
at the next start. If a service dies, all are stopped and the exit code is 1."""


def _epilog() -> str:
    lines = (f"  {name:<14} {meaning}" for name, meaning in VARIABLES.items())
    return "\n".join(("The environment changes it:", *lines, "", "  PORT=9001 make up"))


class Command(TeachingCommand):
    """See `_HELP`."""

    help, epilog = _HELP, _epilog()

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            sys.exit(up())
        except CannotStart as error:
            sys.exit(f"up: {error}")
