"""Ends the one waiting job as a worker does with a large result: the file named on the command line."""

import json
import sys
from pathlib import Path

import django

django.setup()

from jobs import database, results  # noqa: E402
from jobs.conf import settings  # noqa: E402
from jobs.ledger import Ending, Holder, KnownTasks, State  # noqa: E402
from jobs.limits import Limits  # noqa: E402
from jobs.worker import meta  # noqa: E402

holder = Holder("of-the-test", settings(), KnownTasks({"process": Limits()}, settings()))
job = holder.claim("celery")
assert job is not None
results.store(job.id, int(job.token) + 1, b"of an attempt that lost its job")
reference = results.store(job.id, int(job.token), Path(sys.argv[1]).read_bytes())
published = meta.succeeded(json.dumps(reference), [])
ending = Ending(outcome=State.SUCCESS, meta=published, stored=True, in_ledger=not database.is_there())
assert holder.finish(job, ending).recorded
