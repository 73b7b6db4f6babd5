"""A task: a typed Python function, declared with `@task`, that can be submitted as a job.

Knows neither Redis nor Celery nor HTTP. What stands behind `delay` and the rest of Celery's
face is bound late, when it is first used.
"""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, Concatenate, Literal, Protocol, Unpack, cast, overload

from jobs.call import CallOptions, Handle, TaskCall
from jobs.celery_app import celery_app
from jobs.errors import DeclarationError
from jobs.job import Job
from jobs.options import Options
from jobs.schema import Schema, place_of, read_schema

declared: dict[str, "Task[Any, Any]"] = {}
"""Every task of this process, by name; read it through `jobs.registry`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Task[**P, R]:
    """A declared function. Calling it calls the function, here and now."""

    name: str
    function: Callable[..., Any] = field(repr=False)
    options: Options = field(repr=False)
    schema: Schema = field(repr=False)
    place: str
    """File and line of the declaration."""
    bound: bool = field(default=False, repr=False)
    """Whether the function's first parameter is the Celery task (`bind=True`)."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return cast("R", self.function(*args, **kwargs))

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]

    @cached_property
    def celery(self) -> Any:
        """The Celery task that stands behind this one."""
        return celery_app().tasks[self.name]

    def delay(self, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """Submit a job with these arguments."""
        return cast("Handle[R]", self.celery.delay(*args, **kwargs))

    def submit_on_commit(self, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """Submit a job if, and only if, the transaction of the `default` database commits; see `TaskCall`."""
        return self.with_options().submit_on_commit(*args, **kwargs)

    def with_options(self, **options: Unpack[CallOptions]) -> TaskCall[P, R]:
        """This task, with more to say of its jobs: `task.with_options(priority=9).delay(…)`.

        Raises:
            TypeError: an option is unknown.
            ValueError: an option makes no sense.
        """
        return TaskCall(task=self, options=options)

    def apply_async(self, *args: Any, **options: Any) -> Handle[R]:
        """Submit a job as Celery's `apply_async` does: `args`, `kwargs`, `countdown`, `eta`…"""
        return cast("Handle[R]", self.celery.apply_async(*args, **options))


class _Declare(Protocol):
    """`@task(...)`: the second half of the decorator."""

    @overload
    def __call__[**P, R](
        self, function: Callable[Concatenate[Job, P], Coroutine[Any, Any, R]], /
    ) -> Task[P, R]: ...
    @overload
    def __call__[**P, R](self, function: Callable[Concatenate[Job, P], R], /) -> Task[P, R]: ...
    @overload
    def __call__[**P, R](self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
    @overload
    def __call__[**P, R](self, function: Callable[P, R], /) -> Task[P, R]: ...


@overload
def task[**P, R](function: Callable[Concatenate[Job, P], Awaitable[R]], /) -> Task[P, R]: ...
@overload
def task[**P, R](function: Callable[Concatenate[Job, P], R], /) -> Task[P, R]: ...
@overload
def task[**P, R](function: Callable[P, Awaitable[R]], /) -> Task[P, R]: ...
@overload
def task[**P, R](function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *,
    name: str | None = None,
    bind: bool = False,
    queue: str | None = None,
    max_attempts: int = 1,
    retry_delay: timedelta = timedelta(seconds=1),
    retry_backoff: float = 2.0,
    retry_max_delay: timedelta = timedelta(hours=1),
    retry_jitter: float = 0.1,
    retry_on: tuple[type[Exception], ...] = (Exception,),
    never_retry_on: tuple[type[Exception], ...] = (),
    time_limit: timedelta | None = None,
    soft_time_limit: timedelta | None = None,
    priority: int = 0,
    max_running: int | None = None,
    rate: str | None = None,
    key: str | tuple[str, ...] | None = None,
    max_running_per_key: int | None = None,
    rate_per_key: str | None = None,
    unique: bool | tuple[str, ...] = False,
    unique_while: Literal["waiting", "unfinished"] = "unfinished",
    unique_conflict: Literal["first", "refuse"] = "first",
    expires: timedelta | None = None,
    objective: timedelta | None = None,
    objective_ratio: float = 0.99,
    result_ttl: timedelta | None = None,
    failure_ttl: timedelta | None = None,
    show_arguments: bool = False,
    wait: Literal["fsync", "replica"] | None = None,
) -> _Declare: ...
def task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    bind: bool = False,
    **options: Any,
) -> Any:
    """Declare a function as a task: its parameters and its return type are the schema.

    An optional first parameter annotated `Job` gets the running job; with `bind=True` the first
    parameter is the Celery task instead. Neither is part of the schema.

    Args:
        name: the task's name, on the wire and in URLs; the function's own by default.
        bind: give the function its Celery task (`self.request`, `self.retry`) first.
        options: see `Options` and `RetryPolicy`.

    Raises:
        DeclarationError: the function or an option is wrong; the message names file and line.
    """

    def declare(function: Callable[..., Any]) -> Task[Any, Any]:
        return _declare(function, name or function.__name__, bind=bind, options=options)

    return declare if function is None else declare(function)


def _declare(
    function: Callable[..., Any], name: str, *, bind: bool, options: dict[str, Any]
) -> Task[Any, Any]:
    place = place_of(function)
    try:
        chosen = Options(**options)
    except TypeError as error:
        fault = str(error).removeprefix("Options.__init__() ")
        raise DeclarationError(f"{place}: task {name}: {fault}") from None
    new: Task[Any, Any] = Task(
        name=name, function=function, options=chosen, place=place, bound=bind,
        schema=read_schema(function, name, place=place, bound=bind),
    )  # fmt: skip
    if faults := [*chosen.faults(), *chosen.unknown_parameters(new.schema.signature.parameters)]:
        raise DeclarationError(f"{place}: task {name}: {'; '.join(faults)}")
    if not name.replace(".", "_").replace("-", "_").isidentifier() or len(name) > 100:
        raise DeclarationError(
            f"{place}: task {name!r}: a name has letters, digits, '_', '-' and '.', starts with a letter"
            " and has at most 100 characters"
        )
    if (other := declared.get(name)) and other.place != place:
        raise DeclarationError(f"{place}: task {name}: the name is taken by {other.place}; pass name=…")
    declared[name] = new
    return new
