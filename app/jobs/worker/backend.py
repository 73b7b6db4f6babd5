"""Celery's Redis result backend, told the truth by the ledger."""

from typing import Any

from celery.backends.redis import RedisBackend

from jobs.address import without_password
from jobs.conf import settings
from jobs.errors import JobsError
from jobs.ledger import State, ledger, reach
from jobs.worker import meta
from jobs.worker.broker import ADDRESS
from jobs.worker.current import current, note_state


class LedgerBackend(RedisBackend):
    """Results are written by the ledger, when a job finishes; here they are read and waited for."""

    def as_uri(self, include_password: bool = False) -> str:  # noqa: FBT001, FBT002 - Celery's signature
        """Where results lie, as `CELERY_BROKER_URL` says it; for Celery's banner."""
        url = str(self.url or "")
        return url if include_password else without_password(url)

    def _params_from_url(self, url: str, defaults: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in defaults.items() if name not in ADDRESS}

    def _get_pool(self, **params: Any) -> Any:
        return reach.pool(settings(), **params)

    def store_result(
        self, task_id: str, result: Any, state: str, traceback: Any = None, request: Any = None, **kwargs: Any
    ) -> Any:
        """Store a state of the task's own (`update_state`), fenced by the attempt's token."""
        job = current()
        if job is not None and job.id == task_id:
            note_state(state)
            ledger().note(job.id, job.token, meta=meta.custom(state, self.encode_result(result, state)))
            return result
        return super().store_result(task_id, result, state, traceback=traceback, request=request, **kwargs)

    def _get_task_meta_for(self, task_id: str) -> Any:
        found = super()._get_task_meta_for(task_id)
        if found["status"] != State.PENDING:
            return found
        try:
            known = ledger().status(task_id)
        except JobsError:
            return found
        if known is not None and known[0] is State.STARTED:
            return {**found, "status": State.STARTED.value}
        return found
