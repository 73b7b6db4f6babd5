"""How a task's jobs are run: the options of `@task`, checked where it is declared."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from jobs.limits import Limit, Limits, Rate
from jobs.retry import RetryPolicy


@dataclass(frozen=True, kw_only=True)
class Options(RetryPolicy):
    """How a task's jobs are run, unless a submit says otherwise."""

    queue: str | None = None
    """The queue; None for the settings' `DEFAULT_QUEUE`."""
    time_limit: timedelta | None = None
    """An attempt that runs longer is ended with its process, and the job fails."""
    soft_time_limit: timedelta | None = None
    """An attempt that runs longer gets `SoftTimeLimitExceeded` raised inside it; a coroutine that waits is
    cancelled."""
    priority: int = 0
    """0 to 9; 9 goes first."""
    max_running: int | None = None
    """Jobs of the task that run at once, over all workers and queues."""
    rate: str | None = None
    """Starts in a time, over all workers and queues: `10/s`, `100/m`, `5/h`."""
    key: str | tuple[str, ...] | None = None
    """The parameter, or several, whose value is the job's key: `customer` or `order.customer`. Keys of a
    queue take turns, so that one key's many jobs do not hold up another's few."""
    max_running_per_key: int | None = None
    """Jobs of the task that run at once with the same key."""
    rate_per_key: str | None = None
    """Starts in a time with the same key."""
    unique: bool | tuple[str, ...] = False
    """Whether a job must be the only one with its arguments, or with these of them."""
    unique_while: Literal["waiting", "unfinished"] = "unfinished"
    """How long it is in the way of others: until its first attempt starts, or until it has ended."""
    unique_conflict: Literal["first", "refuse"] = "first"
    """What a second submit gets: the first job, or an error."""
    expires: timedelta | None = None
    """A job that has not started by then is revoked."""
    objective: timedelta | None = None
    """In what time after it could first start a job should have succeeded. Nothing happens to one that has
    not: it is counted, and alerts tell when too many have not."""
    objective_ratio: float = 0.99
    """The part of the jobs that should: at least 0.5, and less than 1."""
    result_ttl: timedelta | None = None
    """How long a job that succeeded can be read back; None for the setting `RESULT_TTL`."""
    failure_ttl: timedelta | None = None
    """How long a job that failed or was revoked can be read back; None for the setting `FAILURE_TTL`."""
    show_arguments: bool = False
    """Whether Flower and `inspect active` may show the arguments of its jobs, cut at 1,000 characters."""
    wait: Literal["fsync", "replica"] | None = None
    """What a submit waits for: that Redis's file has the job on disk, or that a replica has it."""

    @property
    def limits(self) -> Limits:
        """What limits the task, and each of its keys."""
        rate, per_key = (
            self.rate and Rate.parse(self.rate),
            self.rate_per_key and Rate.parse(self.rate_per_key),
        )
        return Limits(
            task=Limit(max_running=self.max_running, rate=rate or None),
            each_key=Limit(max_running=self.max_running_per_key, rate=per_key or None),
        )

    @property
    def key_paths(self) -> tuple[str, ...]:
        """Where in the arguments the key is; none where there is none."""
        return (self.key,) if isinstance(self.key, str) else self.key or ()

    def faults(self) -> list[str]:
        """What is wrong with these options, a phrase each."""
        rules = _bounds(self) | _choices(self)
        return [
            *super().faults(), *(fault for fault, holds in rules.items() if not holds),
            *(f"{name}: {fault}" for name, fault in self._bad_rates()),
        ]  # fmt: skip

    def unknown_parameters(self, parameters: Container[str]) -> list[str]:
        """What names a parameter that the function does not have, a phrase each."""
        named = {"key": self.key_paths, "unique": self.unique if isinstance(self.unique, tuple) else ()}
        return [
            f"{option}: there is no parameter {path.partition('.')[0]!r}"
            for option, paths in named.items()
            for path in paths
            if path.partition(".")[0] not in parameters
        ]

    def _bad_rates(self) -> Iterator[tuple[str, str]]:
        for name, rate in (("rate", self.rate), ("rate_per_key", self.rate_per_key)):
            try:
                if rate is not None:
                    Rate.parse(rate)
            except ValueError as error:
                yield name, str(error)


def _bounds(options: Options) -> dict[str, bool]:
    """What must hold of the numbers and durations."""
    soft, hard = options.soft_time_limit, options.time_limit
    zero = timedelta(0)
    durations = {
        "time_limit": hard, "soft_time_limit": soft, "expires": options.expires,
        "objective": options.objective, "result_ttl": options.result_ttl, "failure_ttl": options.failure_ttl,
    }  # fmt: skip
    counts = {"max_running": options.max_running, "max_running_per_key": options.max_running_per_key}
    return {
        "priority must be from 0 to 9": options.priority in range(10),
        "objective_ratio must be at least 0.5 and less than 1": 0.5 <= options.objective_ratio < 1,
        "soft_time_limit must be less than time_limit": soft is None or hard is None or soft < hard,
        **{f"{name} must be positive": value is None or value > zero for name, value in durations.items()},
        **{f"{name} must be 1 or more": value is None or value >= 1 for name, value in counts.items()},
    }


def _choices(options: Options) -> dict[str, bool]:
    """What must hold of the choices and of options together."""
    by_key = options.max_running_per_key is not None or options.rate_per_key is not None
    return {
        "unique_while must be 'waiting' or 'unfinished'": options.unique_while in {"waiting", "unfinished"},
        "unique_conflict must be 'first' or 'refuse'": options.unique_conflict in {"first", "refuse"},
        "wait must be 'fsync' or 'replica'": options.wait in {None, "fsync", "replica"},
        "unique must name a parameter": options.unique != (),
        "a limit per key needs a key": not by_key or bool(options.key_paths),
    }
