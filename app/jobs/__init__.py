"""A background-task platform: declare a function with `@task`, submit it, read its status.

What stands here is the public face; `tasks` import this and nothing below it.
"""

from jobs.call import Handle, TaskCall
from jobs.errors import JobsError, LedgerFull, LedgerUnavailable
from jobs.job import Job
from jobs.task import Task, task

__all__ = ["Handle", "Job", "JobsError", "LedgerFull", "LedgerUnavailable", "Task", "TaskCall", "task"]
