"""The outbox: jobs that a transaction wants, kept in its own database until the ledger has them.

A row is written with the transaction and so is there if, and only if, it committed. Whoever submits the job
deletes the row afterwards: the process that committed, or a relay. Submitting an id twice changes nothing,
so any number of them may try.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.db import DatabaseError, OperationalError, ProgrammingError, connections, router
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F
from django.db.models.functions import Now
from pydantic import TypeAdapter

from jobs import database
from jobs.errors import IdempotencyConflict, JobsError, NoDatabase, NotDurable, NotMigrated, NotUnique
from jobs.ledger import Submission
from jobs.models import PendingSubmit

GRACE = timedelta(seconds=3)
"""How old a row is before a relay takes it: its own process is about to submit a younger one."""

_codec = TypeAdapter(Submission)
_AGO = ExpressionWrapper(Now() - F("committed_at"), output_field=DurationField())
_RIPE = ExpressionWrapper(Now() - GRACE, output_field=DateTimeField())


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A row that its own process did not submit in time."""

    pk: int
    job_id: str
    text: str
    since_commit: timedelta
    """Time since the commit, as far as it is known: since somebody first knew of it."""

    def submission(self) -> Submission:
        """The job as it is to be submitted now: what it says of times counts from its commit.

        Raises:
            ValueError: another release wrote it, and this one does not know all that it says.
        """
        return _late(decoded(self.text), self.since_commit)


def encoded(job: Submission) -> str:
    """A submission as JSON, without what is as it is by default: so an older release can read most."""
    return _codec.dump_json(job, exclude_defaults=True, ensure_ascii=True).decode()


def decoded(text: str) -> Submission:
    """The submission that was encoded.

    Raises:
        ValueError: it is none, or says what this release does not know.
    """
    job = _codec.validate_json(text)
    if json.loads(encoded(job)) != json.loads(text):
        raise ValueError("it says what this release does not know")
    return job


def is_answered(error: JobsError) -> bool:
    """Whether a submit that ended so leaves nothing to be submitted later.

    Another job stands for this one, or it is accepted and only less durable than it was to be.
    """
    return isinstance(error, NotUnique | IdempotencyConflict | NotDurable)


def check(using: str) -> None:
    """Raise where no job can follow a transaction.

    Raises:
        NoDatabase: this database is none.
    """
    if not database.is_there(using):
        told = f"Database {using!r} is none, and a job is to follow its transaction"
        raise NoDatabase(f"{told}: set DATABASE_URL to one, or submit at once with `delay`.")


def keep(using: str, job: Submission) -> None:
    """Write the job's row, in this database's transaction; one that is there stays as it is.

    Raises:
        NotMigrated: the database has no table for it.
        django.db.DatabaseError: the database does not take it.
    """
    row = PendingSubmit(job_id=job.id, submission=encoded(job))
    try:
        PendingSubmit.objects.using(using).bulk_create([row], ignore_conflicts=True)
    except DatabaseError as error:
        if lacks_table(error):
            raise NotMigrated(lacking(using)) from error
        raise


def forget(using: str, job_id: str) -> None:
    """Delete the job's row: the ledger has the job, or it is answered otherwise."""
    PendingSubmit.objects.using(using).filter(job_id=job_id).delete()


def forget_rows(using: str, pks: Iterable[int]) -> None:
    """Delete these rows."""
    PendingSubmit.objects.using(using).filter(pk__in=list(pks)).delete()


def mark_committed(using: str, job_id: str) -> None:
    """Note that the job's transaction committed just now, for whoever submits it later."""
    PendingSubmit.objects.using(using).filter(job_id=job_id, committed_at=None).update(committed_at=Now())


def waiting(using: str, after: int, limit: int) -> Sequence[Waiting]:
    """The rows after this key that are older than `GRACE`, in order, `limit` of them at the most.

    Those whose commit nobody had noted are noted now.
    """
    rows = PendingSubmit.objects.using(using).filter(pk__gt=after, created_at__lt=_RIPE).order_by("pk")
    fields = ("pk", "job_id", "submission", "ago")
    found = list(rows.annotate(ago=_AGO).values_list(*fields)[:limit])
    if new := [pk for pk, _, _, ago in found if ago is None]:
        PendingSubmit.objects.using(using).filter(pk__in=new).update(committed_at=Now())
    return [
        Waiting(pk=pk, job_id=job_id, text=text, since_commit=max(ago or timedelta(0), timedelta(0)))
        for pk, job_id, text, ago in found
    ]


def databases() -> list[str]:
    """The databases that may have an outbox: those to which Django's routers let its table migrate."""
    there = filter(database.is_there, connections)
    return [alias for alias in there if router.allow_migrate_model(alias, PendingSubmit)]


def lacks_table(error: DatabaseError) -> bool:
    """Whether the database failed for want of the table, or of one of its columns."""
    names_it = PendingSubmit._meta.db_table in str(error)  # noqa: SLF001 - Django's documented API
    return names_it and isinstance(error, OperationalError | ProgrammingError)


def lacking(using: str) -> str:
    """What is to be done where the table is missing."""
    table = f"Database {using!r} has no table for jobs that wait for its commits"
    return f"{table}: run `manage.py migrate --database {using}`."


def _late(job: Submission, since_commit: timedelta) -> Submission:
    """A job that is submitted this long after its commit. Instants stand as they are."""
    expires_in = job.expires_in
    return replace(
        job,
        delay=max(job.delay - since_commit, timedelta(0)),
        expires_in=None if expires_in is None else max(expires_in - since_commit, timedelta(0)),
        objective=_left(job, since_commit),
    )


def _left(job: Submission, since_commit: timedelta) -> timedelta | None:
    """What is left of its objective: it counts from when the job could have started."""
    if job.objective is None:
        return None
    overdue = since_commit - job.delay
    if job.due is not None:
        overdue = min(since_commit, datetime.now(UTC) - job.due)
    return max(job.objective - max(overdue, timedelta(0)), timedelta(microseconds=1))
