"""Commits a transaction with a job, named on the command line, and is killed before it can submit it."""

import os
import signal
import sys

from django.db import transaction

import djangoNinja
from jobs.worker.bind import bind_declared

bind_declared(djangoNinja.app)
with transaction.atomic():
    transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
    djangoNinja.app.tasks["echo"].apply_async(("survived",), on_commit="default", task_id=sys.argv[1])
