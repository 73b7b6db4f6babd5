"""The pools of workers over HTTP: the load by which an autoscaler sizes them."""

from django.http import HttpRequest
from ninja import Router

from jobs.api import bearer, routes
from jobs.api.schemas import PoolLoadBody, PoolsBody, ProblemBody
from jobs.autoscale import PoolLoad, read_load, read_loads
from jobs.conf import settings

router = Router(tags=["pools"])


def pools(request: HttpRequest) -> dict[str, list[PoolLoad]]:
    """The load of every pool of workers: ready, running, and due soon."""
    _check(request)
    return {"pools": read_loads()}


def pool(request: HttpRequest, pool: str) -> PoolLoad:
    """The load of a pool: what KEDA's `metrics-api` scaler reads, with `load` as its value."""
    _check(request)
    return read_load(pool)


def _check(request: HttpRequest) -> None:
    own = settings()
    bearer.check(request, own.POOLS_TOKEN, own.POOLS_TOKEN_FILE, "JOBS_POOLS_TOKEN")


AWAY = dict.fromkeys((401, 503), ProblemBody)
routes.add(router, "GET", "/api/pools/", pools, operation_id="pools", response={200: PoolsBody} | AWAY)
routes.add(
    router, "GET", "/api/pools/{pool}/", pool, operation_id="pool",
    response={200: PoolLoadBody, 404: ProblemBody} | AWAY,
)  # fmt: skip
