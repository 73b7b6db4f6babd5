"""What the tests of traces submit."""

import logging
import os
import time
from datetime import timedelta
from pathlib import Path

from opentelemetry import trace

from jobs import Job, task


@task(max_attempts=2, retry_delay=timedelta(milliseconds=200))
def traced_twice(job: Job, stop: str = "") -> str:
    """Fail at first, once that worker is told to stop; then make a span, and submit another job."""
    job.logger.info("attempt %d", job.attempt)
    if job.attempt == 1:
        Path(stop).touch()
        raise ValueError("secret of a customer")
    with trace.get_tracer("mine").start_as_current_span("own"):
        return traced_child.delay().id


@task
def traced_child() -> str:
    logging.getLogger("tasks.traced_child").info("child")
    return trace.format_trace_id(trace.get_current_span().get_span_context().trace_id)


@task
async def traced_later() -> str:
    return trace.format_span_id(trace.get_current_span().get_span_context().span_id)


@task
def traced_death(job: Job) -> int:
    """Kill the process in the first attempt."""
    if job.attempt == 1:
        os.kill(os.getpid(), 9)
        time.sleep(60)
    return job.attempt
