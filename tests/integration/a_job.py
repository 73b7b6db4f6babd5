"""Jobs and their endings as the platform makes them, for tests that need one and care little which."""

import uuid
from typing import Any

from jobs.ledger import Ending, State, Submission

DONE = Ending(
    outcome=State.SUCCESS,
    meta='{"status":"SUCCESS","result":{"processed_data":"HELLO"},"traceback":null,"children":[]',
)


def a_job(job_id: str = "", **more: Any) -> Submission:
    """What `POST /api/tasks/process/` submits."""
    wanted = {"task": "process", "queue": "celery", "arguments": '{"data":"hello"}'} | more
    return Submission(id=job_id or str(uuid.uuid4()), **wanted)
