"""Stored results in the database: rows, each of one attempt, read in pieces."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import batched

from django.db import OperationalError, close_old_connections, connection
from django.db.models import BinaryField
from django.db.models.functions import Substr

from jobs.errors import ResultNotStored
from jobs.models import StoredResult

PIECE_BYTES = 256 * 1024
"""What one read brings into memory."""
BATCH = 500
"""Rows that one statement deletes; it holds SQLite's only write lock meanwhile."""
TRIES = 3


@dataclass(frozen=True, kw_only=True)
class InDatabase:
    """A result in the database."""

    task_id: str
    token: int
    size_bytes: int

    def pieces(self) -> Iterator[bytes]:
        """The result's bytes, read as they are wanted.

        Raises:
            ResultNotStored: it was deleted meanwhile.
        """
        rows = StoredResult.objects.filter(task_id=self.task_id, token=self.token)
        for start in range(1, self.size_bytes + 1, PIECE_BYTES):
            piece = Substr("body", start, PIECE_BYTES, output_field=BinaryField())
            found = rows.annotate(piece=piece).values_list("piece", flat=True).first()
            if found is None:
                raise ResultNotStored(f"{self.task_id}: it was deleted.")
            yield bytes(found)


def store(task_id: str, token: int, body: bytes) -> None:
    """Keep the result of the attempt with this token; a second time replaces the first.

    Raises:
        django.db.Error: the database does not take it.
    """
    row = StoredResult(task_id=task_id, token=token, body=body, size_bytes=len(body))
    _written(lambda: StoredResult.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["task_id", "token"],
        update_fields=["body", "size_bytes", "created_at"],
    ))  # fmt: skip


def find(task_id: str, token: int) -> InDatabase | None:
    """The result that the attempt with this token stored, if there is one."""
    sizes = StoredResult.objects.filter(task_id=task_id, token=token).values_list("size_bytes", flat=True)
    size = sizes.first()
    return None if size is None else InDatabase(task_id=task_id, token=token, size_bytes=size)


def discard(task_id: str, token: int) -> None:
    """Delete what an attempt stored and then could not finish."""
    _written(StoredResult.objects.filter(task_id=task_id, token=token).delete)


def delete_jobs(last: Mapping[str, int]) -> int:
    """Delete what these jobs stored up to this token; gives the number of rows."""

    def delete(some: Sequence[str]) -> int:
        kept = StoredResult.objects.filter(task_id__in=some).values_list("pk", "task_id", "token")
        old = [pk for pk, task_id, token in kept if token <= last[task_id]]
        return StoredResult.objects.filter(pk__in=old).delete()[0]

    return sum(_written(partial(delete, some)) for some in batched(last, BATCH, strict=False))


def sweep(older_than: datetime) -> int:
    """Delete rows from before this instant, `BATCH` of them at the most; gives their number.

    It finds what no job points to any more; `older_than` lies beyond every retention.
    """
    old = StoredResult.objects.filter(created_at__lt=older_than).order_by("created_at")
    some = old.values_list("pk", flat=True)[:BATCH]
    return _written(lambda: StoredResult.objects.filter(pk__in=list(some.all())).delete()[0])


def _written[T](work: Callable[[], T]) -> T:
    """Do what writes, on a fresh connection that is closed when it returns.

    It is called in pool processes and in threads that serve no request: a connection left open
    there would be carried across Celery's next fork. It is tried again where SQLite stayed locked
    or the server closed the connection; so the work must bear being done twice.
    """
    left = TRIES
    while True:
        left -= 1
        close_old_connections()
        try:
            return work()
        except OperationalError:
            if not left:
                raise
        finally:
            if not connection.in_atomic_block:
                connection.close()
