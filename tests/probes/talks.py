"""What the tests of the log submit."""

import logging
import os
import signal
import threading
import time

from jobs import Job, task


@task
def talks(job: Job) -> int:
    """Write lines in every way that a task has."""
    job.logger.info("own %d", 1)
    thread = threading.Thread(target=lambda: job.logger.info("from a thread"))
    thread.start()
    thread.join()
    logging.getLogger("a.library").warning("a library's")
    print("printed")  # noqa: T201 - that is what is tested
    return job.attempt


@task
def talks_on_two_workers(job: Job) -> str:
    """Talk, and end the worker in the first attempt; submit another job in the second."""
    job.logger.info("attempt %d", job.attempt)
    if job.attempt == 1:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return talks.delay().id
