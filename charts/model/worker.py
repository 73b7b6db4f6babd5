"""The workers."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from charts.model.api import Reach
from charts.model.scaling import STEADY, Autoscaling, Budget, Count
from charts.model.shape import Pod, Resources, Shape, resources

type PoolName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$")]


class Shutdown(Shape):
    """What becomes of the jobs that run when a pod is told to end."""

    profile: Literal["drain", "bounded"] = "drain"
    """`drain`: they may finish, and the pod is killed after `seconds`. `bounded`: they may go on for that
    long, then are handed back to their queue, uncounted, and run again elsewhere."""
    seconds: Annotated[int, Field(ge=1)] = 600
    """At `drain` longer than the longest job, and than a `--time-limit` among `args`; at `bounded` what a
    node's drain may wait."""


class Pool(Shape):
    """Workers that are alike."""

    queues: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)] = ["celery"]
    """The queues that they serve."""
    objectiveSeconds: Annotated[int, Field(ge=1)] = 300
    """The longest that a ready job of them should wait; above it an alert is raised."""
    concurrency: Annotated[int, Field(ge=1)] = 4
    """Jobs that one pod runs at once."""
    kind: Literal["prefork", "threads", "solo"] = "prefork"
    """Celery's pool. A process can be ended by force, a thread cannot; `solo` runs one job at a time."""
    replicas: Count = 1
    """Pods, where `autoscaling.mode` is `none`."""
    resources: Resources = resources("250m", "384Mi", most="1Gi")
    """Of each pod, for all that it runs at once."""
    autoscaling: Autoscaling = Autoscaling(behavior=STEADY)
    """Pods by need."""
    shutdown: Shutdown = Shutdown()
    """What becomes of running jobs when a pod ends."""
    podDisruptionBudget: Budget = Budget()
    """What a drain of nodes leaves."""
    logLevel: Literal["", "debug", "info", "warning", "error"] = ""
    """Empty: `config.logLevel`."""
    args: list[str] = []
    """More options of `celery worker`."""
    network: Reach = Reach()
    """Tasks that call out need `egress`: by default they reach Redis, the database and DNS."""
    pod: Pod = Pod()
    """What else its pods have."""


class Worker(Pool):
    """The workers: what all pools have unless they say otherwise, and the pools."""

    pools: dict[PoolName, Pool] = {"default": Pool.model_construct()}
    """A Deployment each, by name; what a pool leaves out is as above.
    `{default: {}, reports: {queues: [reports], concurrency: 1, shutdown: {seconds: 3600}}}`"""
