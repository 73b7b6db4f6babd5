"""Stock Celery as a newcomer has it: its defaults, a Redis broker and result backend, one task."""

import os

from celery import Celery

app = Celery("stock", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])


@app.task(name="process")
def process(data: str) -> dict[str, str]:
    """The sample task, as `app/tasks/text.py` has it."""
    return {"processed_data": data.upper()}
