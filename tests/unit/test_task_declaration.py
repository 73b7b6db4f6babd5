"""Declaring tasks: what is understood, and what is refused, by file and line."""

import inspect
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from jobs import Job, task
from jobs.errors import DeclarationError, TaskNotFound
from jobs.registry import all_tasks, find
from jobs.task import declared


@pytest.fixture(autouse=True)
def _no_other_tasks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = dict(declared)
    declared.clear()
    yield
    declared.clear()
    declared.update(before)


def test_a_task_has_its_functions_name_and_summary():
    @task
    def greet(name: str) -> str:
        """Greet someone.

        More of it.
        """
        return f"Hello, {name}"

    assert find("greet") is greet
    assert (greet.name, greet.summary) == ("greet", "Greet someone.")
    assert all_tasks() == [greet]


def test_calling_a_task_calls_its_function():
    @task
    def double(number: int) -> int:
        return 2 * number

    assert double(21) == 42


def test_options_are_keywords():
    @task(name="reports.yearly", queue="slow", max_attempts=3, time_limit=timedelta(hours=1), priority=9)
    def yearly() -> None: ...

    assert find("reports.yearly") is yearly
    assert (yearly.options.queue, yearly.options.max_attempts, yearly.options.priority) == ("slow", 3, 9)


def test_an_unknown_name_is_not_found():
    with pytest.raises(TaskNotFound, match="nope"):
        find("nope")


def unannotated(a): ...


def no_return(a: int): ...


def splat(*args: int) -> None: ...


def named_splat(**kwargs: int) -> None: ...


def positional(a: int, /) -> None: ...


def private(_a: int) -> None: ...


def job_second(a: int, job: Job) -> None: ...


def no_json_in(a: Callable[[], int]) -> None: ...


def no_json_out() -> inspect.Signature:
    return inspect.signature(no_json_out)


def unresolved(a: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (unannotated, "parameter 'a' has no annotation"),
        (no_return, "the return type has no annotation"),
        (splat, "a schema needs named parameters"),
        (named_splat, "a schema needs named parameters"),
        (positional, "parameter 'a' is positional-only"),
        (private, "parameter '_a': a name may not start with '_'"),
        (job_second, "the job can only be the first parameter"),
        (no_json_in, "a parameter's type has no JSON form"),
        (no_json_out, "the return type has no JSON form"),
        (unresolved, "an annotation cannot be resolved: name 'Nowhere' is not defined"),
    ],
)
def test_a_function_that_can_be_no_task_is_refused_by_file_and_line(function, fault):
    line = inspect.getsourcelines(function)[1]
    with pytest.raises(DeclarationError) as refused:
        task(function)
    assert f"test_task_declaration.py:{line}: task {function.__name__}: " in refused.value.detail
    assert fault in refused.value.detail
    assert "\n" not in refused.value.detail


def fine() -> None: ...


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"max_attempts": 0}, "max_attempts must be 1 or more"),
        ({"retry_delay": timedelta(-1)}, "retry_delay must not be negative"),
        ({"max_attempts": True}, "max_attempts must be 1 or more"),
        ({"retry_delay": 5}, "retry_delay and retry_max_delay must be timedeltas"),
        ({"retry_delay": timedelta(hours=2)}, "retry_max_delay must not be less than retry_delay"),
        ({"retry_max_delay": timedelta(days=366)}, "retry_max_delay must be at most 365 days"),
        ({"retry_backoff": 0.5}, "retry_backoff must be a number, 1 or more"),
        ({"retry_backoff": True}, "retry_backoff must be a number, 1 or more"),
        ({"retry_backoff": float("inf")}, "retry_backoff must be a number, 1 or more"),
        ({"retry_jitter": 1.1}, "retry_jitter must be a number from 0 to 1"),
        ({"retry_jitter": float("nan")}, "retry_jitter must be a number from 0 to 1"),
        ({"retry_on": OSError}, "retry_on must be a tuple of exception classes"),
        ({"retry_on": (KeyboardInterrupt,)}, "retry_on must be a tuple of exception classes"),
        ({"never_retry_on": ("OSError",)}, "never_retry_on must be a tuple of exception classes"),
        ({"priority": 10}, "priority must be from 0 to 9"),
        ({"objective": timedelta(0)}, "objective must be positive"),
        ({"objective_ratio": 0.4}, "objective_ratio must be at least 0.5 and less than 1"),
        ({"objective_ratio": 1.0}, "objective_ratio must be at least 0.5 and less than 1"),
        ({"time_limit": timedelta(0)}, "time_limit must be positive"),
        ({"soft_time_limit": timedelta(0)}, "soft_time_limit must be positive"),
        (
            {"soft_time_limit": timedelta(2), "time_limit": timedelta(1)},
            "soft_time_limit must be less than time_limit",
        ),
        ({"retires": 3}, "unexpected keyword argument 'retires'"),
        ({"name": "a/b"}, "a name has letters"),
        ({"name": "1st"}, "a name has letters"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"bind": True}, "bind=True needs a first parameter"),
    ],
)  # fmt: skip
def test_an_option_that_makes_no_sense_is_refused_by_file_and_line(options: dict[str, Any], fault: str):
    with pytest.raises(DeclarationError, match=r"test_task_declaration\.py:") as refused:
        task(**options)(fine)
    assert fault in refused.value.detail


def test_two_tasks_of_one_name_are_refused_with_both_places():
    task(fine)
    with pytest.raises(DeclarationError) as refused:
        task(name="fine")(no_arguments)
    assert refused.value.detail.count("test_task_declaration.py:") == 2


def no_arguments() -> None: ...


def test_a_module_that_is_loaded_twice_declares_its_tasks_once():
    assert task(fine).name == task(fine).name == "fine"
    assert len(all_tasks()) == 1


def test_the_job_is_the_first_parameter_or_none():
    @task
    def watched(job: Job, steps: int) -> int:
        job.progress(steps, steps)
        return steps

    assert watched.schema.takes_job
    assert watched.function(Job(id="1", task="watched"), 3) == 3
