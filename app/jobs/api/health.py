"""The probes of an orchestrator: does the process answer, and can it do its work?"""

from django.http import HttpRequest
from ninja import Router

from jobs.api import routes
from jobs.api.schemas import Health, ProblemBody
from jobs.ledger import ledger

router = Router(tags=["health"])


def livez(request: HttpRequest) -> Health:
    """The process answers. It touches nothing else, so that a Redis that is away restarts nobody."""
    return Health()


def readyz(request: HttpRequest) -> Health:
    """The ledger answers, so jobs can be accepted."""
    ledger().ping()
    return Health()


routes.add(router, "GET", "/livez", livez, response=Health)
routes.add(router, "GET", "/readyz", readyz, response={200: Health, 503: ProblemBody})
