"""A background-task platform: declare a function with `@task`, submit it, read its status.

What stands here is the public face; `tasks` import this and nothing below it.
"""

from jobs.errors import JobsError
from jobs.job import Job
from jobs.task import Task, task

__all__ = ["Job", "JobsError", "Task", "task"]
