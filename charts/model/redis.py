"""Redis: the chart's own, or one that is there."""

from typing import Annotated, Literal

from pydantic import Field

from charts.model.scaling import Percent
from charts.model.secret import Secret
from charts.model.shape import (
    Image,
    Object,
    Objects,
    Pod,
    Quantity,
    Resources,
    SecretName,
    Shape,
    Words,
    resources,
)


class Volume(Shape):
    """A volume."""

    size: Quantity = "8Gi"
    """At least three times the memory of Redis: its file is rewritten beside the old one."""
    storageClass: str = ""
    """Empty: the cluster's default."""
    accessModes: list[str] = ["ReadWriteOnce"]
    """Kubernetes' `accessModes`."""
    annotations: Words = {}
    """Annotations of the claim."""


class Persistence(Volume):
    """Redis's volume."""

    enabled: bool = True
    """`false`: all jobs are gone with the pod. For tests only."""


class Backup(Shape):
    """A copy of all of Redis, as a file on a volume of its own."""

    enabled: bool = False
    """Make copies."""
    schedule: str = "17 3 * * *"
    """When, as cron has it, in UTC."""
    keep: Annotated[int, Field(ge=1)] = 7
    """Copies that are kept: the latest."""
    existingClaim: str = ""
    """A claim that is there; empty: one is made, and outlives an uninstall."""
    volume: Volume = Volume()
    """The claim that is made."""
    resources: Resources = resources("50m", "64Mi", most="256Mi")
    """Of the pod that makes the copy."""


class Redis(Shape):
    """A Redis of the installation's own: one pod with an append-only file on a volume."""

    enabled: bool = True
    """`false`: `externalRedis` names one."""
    image: Image = Image(repository="redis", tag="8.0")
    """The official image, 7.2 or newer."""
    auth: Secret = Secret()
    """Its password; generated. Key: `redis-password`."""
    passwordOverlapSeconds: Annotated[int, Field(ge=0)] | None = None
    """How long a former password works beside a new one. Empty: five minutes more than any worker may take to
    end, as a pod that ends keeps the one that it knows."""
    appendfsync: Literal["always", "everysec"] = "everysec"
    """When its file is on disk: with each command, or within a second (docs/explanation/guarantees.md)."""
    maxmemoryPercent: Percent = 60
    """Of its memory limit. The rest is for the copy that a rewrite of its file makes."""
    config: dict[str, str | int] = {}
    """More lines of redis.conf: `{hz: 20}`."""
    resources: Resources = resources("250m", "512Mi", most="1Gi")
    """Of the pod; the memory limit decides how many jobs may wait."""
    persistence: Persistence = Persistence()
    """Its volume; it outlives an uninstall."""
    backup: Backup = Backup()
    """Copies of it."""
    restoreFrom: str = ""
    """A file of the backups' volume that fills Redis if its own volume is empty: `taskbell-….rdb`."""
    terminationGracePeriodSeconds: Annotated[int, Field(ge=1)] = 60
    """How long it has to write its file when it ends."""
    pod: Pod = Pod()
    """What else its pod has."""


class ExternalRedis(Shape):
    """A Redis (7.0 or newer, `noeviction`, an append-only file) or Valkey that is there already."""

    url: Secret = Secret()
    """`redis://host:6379/0`, `rediss://…` for TLS, `sentinel://host:26379,…/name/0`. Key: `redis-url`."""
    password: Secret = Secret()
    """Its password, where the address has none. Key: `redis-password`."""
    sentinelPassword: Secret = Secret()
    """The password of the Sentinels. Key: `sentinel-password`."""
    caSecret: SecretName = ""
    """A Secret whose `ca.crt` signed its certificate."""
    egress: Objects = [{"ports": [{"port": 6379}, {"port": 6380}, {"port": 26379}]}]
    """Where it is, for the NetworkPolicies."""


class Database(Shape):
    """PostgreSQL, for large results and `submit_on_commit`; without one, large results are in Redis."""

    url: Secret = Secret()
    """`postgres://user:password@host:5432/name`. Key: `database-url`."""
    egress: Objects = [{"ports": [{"port": 5432}]}]
    """Where it is, for the NetworkPolicies."""


class Migrations(Shape):
    """The Job that brings the database's tables up to date; the other pods wait for it."""

    annotations: Object = {}
    """Of the Job: hooks of a GitOps tool."""
    ttlSecondsAfterFinished: Annotated[int, Field(ge=0)] = 86400
    """How long the Job that ended is kept."""
    resources: Resources = resources("100m", "192Mi", most="384Mi")
    """Of its pod, and of what waits for it."""
    pod: Pod = Pod()
    """What else its pod has."""
