"""`manage.py controller`: what an installation sees to in its cluster."""

import sys
from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any, NoReturn

from django.core.management.base import CommandParser

from jobs.conf import settings
from jobs.controller.command import Duty, run
from jobs.controller.costs import Costs
from jobs.controller.guard import Guard, Guarded
from jobs.kubernetes import EXTERNAL_METRICS
from jobs.management.cluster import NoPod, add_options, reached
from jobs.management.teaching import TeachingCommand

_HELP = """Keep what Kubernetes is told of an installation, for as long as it runs:

--workers: the annotation controller.kubernetes.io/pod-deletion-cost of the workers' pods, the
number of long jobs that each runs: those that were running at the look before, too. When a
Deployment gets smaller, Kubernetes takes the pods of the lowest cost first: the idle ones. A
pod that goes all the same finishes its jobs, or hands them back.

--adapter: the APIService of the metrics adapter. While nothing serves it, it is taken away: else
no namespace of the whole cluster could be deleted. The adapter brings it back.

While Redis or Kubernetes' API is away, all stays as it is."""
_EPILOG = """the service account may
  list and patch    pods         in its own namespace      (--workers)
  get and delete    apiservices  the one of --api-service  (--adapter)

examples:
  manage.py controller --workers app.kubernetes.io/component=worker --adapter shop-metrics-adapter
  kubectl get pods -o jsonpath='{range .items[*]}{.metadata.name} {.metadata.annotations}{"\\n"}{end}'
"""


class Command(TeachingCommand):
    """See `_HELP`."""

    help, epilog = _HELP, _EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--workers", metavar="LABELS", help="which pods are workers: a label selector")
        add("--adapter", metavar="SERVICE", help="the metrics adapter's Service")
        add("--api-service", default=EXTERNAL_METRICS, metavar="NAME",
            help=f"the adapter's APIService ({EXTERNAL_METRICS})")  # fmt: skip
        add("--absent", type=_seconds, default=timedelta(seconds=20), metavar="SECONDS",
            help="how long nothing serves it before it goes (20)")  # fmt: skip
        add("--namespace", help="the namespace of all of them (the service account's)")
        add("--every", type=_seconds, default=timedelta(seconds=5), metavar="SECONDS",
            help="how often to look; what runs longer is long (5)")  # fmt: skip
        add_options(parser)

    def handle(self, *_args: Any, **told: Any) -> None:
        try:
            duties = _duties(told)
        except NoPod as error:
            _refuse(str(error))
        if not duties:
            _refuse("nothing to see to: say --workers, --adapter, or both")
        sys.exit(run(duties, told["every"], settings().HEALTH_DIR))


def _duties(told: dict[str, Any]) -> list[Duty]:
    kubernetes, namespace = reached(told)
    duties: list[Duty] = []
    if told["workers"]:
        duties.append(Costs(kubernetes, namespace, told["workers"]))
    if told["adapter"]:
        guarded = Guarded(
            name=told["api_service"], namespace=namespace, service=told["adapter"], after=told["absent"]
        )
        duties.append(Guard(kubernetes, guarded))
    return duties


def _refuse(fault: str) -> NoReturn:
    sys.stderr.write(f"controller: {fault}\n")
    sys.exit(2)


def _seconds(text: str) -> timedelta:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise ArgumentTypeError(f"{text} is no number of seconds from 0.1 to 3600")
    return timedelta(seconds=seconds)
