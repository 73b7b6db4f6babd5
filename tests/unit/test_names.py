"""What names a submit in Python may give: the same as over HTTP."""

import pytest

from jobs.ids import ID_RULE, queue_rule


@pytest.fixture(scope="module")
def add():
    import djangoNinja
    import tests.probes.probes  # noqa: F401 - declares tasks
    from jobs.worker.bind import bind_declared

    bind_declared(djangoNinja.app)
    return djangoNinja.app.tasks["add"]


@pytest.mark.parametrize("task_id", ["two\nlines", "x" * 256, "\0"])
def test_an_id_that_no_route_could_name_is_refused(add, task_id):
    with pytest.raises(ValueError, match=f"^add: {ID_RULE}$"):
        add.apply_async((1, 2), task_id=task_id)


@pytest.mark.parametrize(
    "queue", ["tb:queues", "celery-task-meta-1", "_kombu.binding.celery", "a\nb", "x" * 201]
)
def test_a_queue_whose_list_would_be_a_key_of_ours_or_of_celery_is_refused(add, queue):
    with pytest.raises(ValueError, match=f"^add: {queue_rule()}$"):
        add.apply_async((1, 2), queue=queue)
