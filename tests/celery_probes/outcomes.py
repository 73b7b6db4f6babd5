"""Tasks that end in every way that a task can end."""

import asyncio
from typing import Any, ClassVar

from celery import Task, current_app, shared_task
from celery._state import connect_on_app_finalize
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded


class NeedsTwo(Exception):
    """Cannot be made again from its arguments."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one)
        self.two = two


class Unshowable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not shown")

    __repr__ = __str__


def deep() -> None:
    deep()


ERRORS = {
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt,
    "CancelledError": asyncio.CancelledError,
    "NeedsTwo": lambda: NeedsTwo("one", "two"),
    "Unshowable": lambda: Unshowable("hidden"),
    "object in args": lambda: ValueError(object()),
    "huge": lambda: ValueError("x" * 5_000_000),
    "surrogate": lambda: ValueError("\ud800"),
    "SoftTimeLimitExceeded": SoftTimeLimitExceeded,
}


@shared_task(name="raises")
def raises(what: str) -> None:
    if what == "RecursionError":
        deep()
    error = ERRORS[what]()
    raise error


@shared_task(name="returns")
def returns(what: str) -> Any:
    circle: list[Any] = []
    circle.append(circle)
    result = current_app.AsyncResult("some-id")
    return {"object": object(), "circle": circle, "bytes": b"\xff", "result": result, "set": {1}}[what]


@shared_task(name="retries", bind=True, max_retries=2)
def retries(self: Any, how: str, times: int = 1) -> Any:
    done = self.request.retries
    if done >= times and how != "for ever":
        redelivered = self.request.delivery_info.get("redelivered", False)
        return {"how": how, "times": times, "retries": done, "redelivered": redelivered}
    if how == "quiet":
        self.retry(countdown=0, throw=False)
        return "not the result"
    if how == "quiet, raise":
        self.retry(countdown=0, throw=False)
        raise ValueError("comes after")
    if how == "other arguments":
        raise self.retry(kwargs={"how": "told anew"}, countdown=0)
    if how == "no instant":
        raise self.retry(eta="never")
    if how == "limit":
        raise self.retry(countdown=0, max_retries=0)
    raise self.retry(exc=OSError("again") if how == "for ever" else None, countdown=0)


@shared_task(name="retry_later", bind=True)
def retry_later(self: Any) -> int:
    if not self.request.retries:
        raise self.retry(exc=ZeroDivisionError("not yet"), countdown=1)
    return int(self.request.retries)


@shared_task(name="gives_state", bind=True)
def gives_state(self: Any, state: str, result: Any) -> None:
    self.update_state(state=state, meta=result)
    raise Ignore


@shared_task(name="rejects", bind=True)
def rejects(self: Any, *, requeue: bool) -> str:
    if not self.request.delivery_info["redelivered"]:
        raise Reject("not here", requeue=requeue)
    return "there"


@shared_task(name="replaces", bind=True)
def replaces(self: Any) -> Any:
    return self.replace(raises.si("huge"))


@shared_task(name="submits", bind=True)
def submits(self: Any, name: str, kwargs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Submit another job from inside this one."""
    result = self.app.tasks[name].apply_async(kwargs=kwargs, **options)
    return {"id": result.id, "ignored": result.ignored, "root": self.request.root_id}


@shared_task(name="leaves_behind", bind=True)
def leaves_behind(self: Any) -> None:
    self.request.children.append("not a result")


@shared_task(name="joins", bind=True)
def joins(self: Any) -> str:
    result = raises.delay("huge")
    try:
        result.get(timeout=5)
    except RuntimeError as error:
        return str(error)
    return "waited"


@shared_task(name="request", bind=True, time_limit=60, soft_time_limit=50)
def request(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    names = (
        "id", "args", "kwargs", "retries", "root_id", "parent_id", "headers", "timelimit", "time_limit",
        "soft_time_limit", "eta", "expires", "delivery_info", "called_directly", "is_eager", "shadow",
    )  # fmt: skip
    return {name: getattr(self.request, name) for name in names}


@shared_task(name="started", bind=True, track_started=True)
def started(self: Any) -> Any:
    return self.AsyncResult(self.request.id).state


@shared_task(name="silent", ignore_result=True)
def silent() -> int:
    return 7


class Counting(Task):
    """Has a `__call__` of its own, and retries by itself."""

    name = "counting"
    autoretry_for = (OSError,)
    retry_kwargs: ClassVar = {"max_retries": 2, "countdown": 0}
    retry_jitter = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return {"called": super().__call__(*args, **kwargs)}

    def run(self, fails: int) -> int:
        done = int(self.request.retries)
        if done < fails:
            raise OSError(f"failure {done + 1}")
        return done


connect_on_app_finalize(lambda app: app.register_task(Counting()))
