"""Stored results: those too large for a status, kept before their job finishes, deleted with it.

They lie in the database; where there is none, in Redis, beside the ledger. What is stored is fenced as the
job is, by its token: an attempt that lost its job stores what nothing points to, and `discard`, `sweep` or
its own end removes it.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol, TypedDict
from urllib.parse import quote

from jobs import database, results_in_database
from jobs.conf import settings
from jobs.errors import ResultNotStored, ResultTooLarge
from jobs.ledger import ledger


class Reference(TypedDict):
    """What stands for a stored result in a status, and what a Celery client's `get` returns."""

    stored: bool
    size_bytes: int
    content_type: str
    url: str


class Stored(Protocol):
    """A result, wherever it is."""

    @property
    def size_bytes(self) -> int: ...

    def pieces(self) -> Iterator[bytes]:
        """The result's bytes, read as they are wanted.

        Raises:
            ResultNotStored: it was deleted meanwhile.
        """


def store(task_id: str, token: int, body: bytes) -> Reference:
    """Keep the result of the attempt with this token; a second time replaces the first.

    Raises:
        django.db.Error: the database does not take it.
        ResultTooLarge, LedgerFull: there is no database, and Redis is not to take it or has no room.
    """
    if database.is_there():
        results_in_database.store(task_id, token, body)
    elif len(body) > (most := settings().STORED_RESULT_BYTES):
        told = f"{len(body)} bytes, and without a database JOBS_STORED_RESULT_BYTES allows {most}"
        raise ResultTooLarge(f"{told}; raise that, or set DATABASE_URL.")
    else:
        ledger().stored.keep(task_id, token, body)
    return reference(task_id, len(body))


def reference(task_id: str, size_bytes: int) -> Reference:
    """What a status says of a stored result."""
    return {
        "stored": True,
        "size_bytes": size_bytes,
        "content_type": "application/json",
        "url": f"/api/jobs/{quote(task_id, safe='')}/result/",
    }


def read(task_id: str, token: int) -> Stored:
    """The result that the attempt with this token stored, also one from before there was a database.

    Raises:
        ResultNotStored: there is none.
        LedgerUnavailable: Redis does not answer.
    """
    found: Stored | None = ledger().stored.find(task_id, token)
    if found is None and database.is_there():
        found = results_in_database.find(task_id, token)
    if found is None:
        raise ResultNotStored(f"{task_id}: it was deleted.")
    return found


def discard(task_id: str, token: int) -> None:
    """Delete what an attempt stored and then could not finish."""
    if database.is_there():
        results_in_database.discard(task_id, token)
    else:
        ledger().stored.drop(task_id, token)


def delete_jobs(last: Mapping[str, int]) -> int:
    """Delete the rows of these jobs up to this token; gives their number.

    What Redis keeps goes with its job.
    """
    return results_in_database.delete_jobs(last) if database.is_there() else 0


def sweep(older_than: datetime) -> int:
    """Delete rows from before this instant, a bounded number of them; gives their number."""
    return results_in_database.sweep(older_than) if database.is_there() else 0
