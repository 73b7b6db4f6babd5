"""Tasks run where they are called: `task.apply()`, and `task_always_eager` as tests set it."""

import pytest
from celery.exceptions import Retry

from jobs.errors import ArgumentsInvalid, CanvasRefused
from tests.celery_probes import outcomes


@pytest.fixture(scope="module")
def app():
    import djangoNinja
    import tests.probes.probes  # noqa: F401 - declares tasks
    from jobs.worker.bind import bind_declared

    bind_declared(djangoNinja.app)
    return djangoNinja.app


@pytest.fixture
def eager(app, monkeypatch):
    monkeypatch.setitem(app.conf.changes, "task_always_eager", 1)
    return app


def test_a_declared_task_applies(app):
    result = app.tasks["add"].apply((2, 3))
    assert (result.get(), result.state) == (5, "SUCCESS")


def test_an_applied_task_s_error_is_its_result(app):
    result = app.tasks["fail"].apply(("no",))
    assert result.state == "FAILURE"
    with pytest.raises(ValueError, match="no"):
        result.get()


def test_an_applied_task_retries_at_once(app):
    assert app.tasks["retries"].apply(("twice", 2)).get()["retries"] == 2
    assert app.tasks["asks_again"].apply((2,)).get() == 2


def test_eager_submits_run_at_once_with_what_a_worker_would_get(eager):
    assert eager.tasks["add"].delay(2, 3).get() == 5
    assert eager.tasks["plain_add"].apply_async((2,), {"y": 3}, countdown=60).get() == 5
    assert eager.tasks["echo"].delay((1, 2)).get() == [1, 2]


def test_eager_submits_are_checked_like_others(eager):
    with pytest.raises(ArgumentsInvalid):
        eager.tasks["add"].delay(1, "z")
    with pytest.raises(TypeError):
        eager.tasks["plain_add"].delay(1)
    with pytest.raises(TypeError, match="not JSON serializable"):
        eager.tasks["plain_add"].delay(1, object())
    with pytest.raises(CanvasRefused):
        eager.tasks["add"].apply_async((1, 2), link=eager.tasks["add"].s(3))


def test_a_task_called_as_a_function_cannot_retry(app):
    with pytest.raises(Retry, match="Task can be retried"):
        app.tasks["retries"]("once")
    assert outcomes.raises.name == "raises"


def test_a_task_of_any_class_submits_to_the_ledger(app):
    from jobs.worker.celery_task import JobTask

    assert all(isinstance(task, JobTask) for task in app.tasks.values())
    assert app.tasks["counting"].delay_on_commit
