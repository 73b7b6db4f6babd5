"""Walking over jobs: which are meant, and how far a walk has come, as a text that a caller hands back."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from jobs.errors import ParametersInvalid
from jobs.ids import is_text
from jobs.ledger import FINAL, ORDERS, Place, Record, State, ledger, order_of
from jobs.parameters import misfit
from jobs.status import public_result
from jobs.submit import short

FLOW = ("scheduled", "retry", "waiting", "started", "success", "failure", "revoked")
"""The orders of a queue as a job goes through them: so a walk meets most jobs that move meanwhile again."""
UNFINISHED = tuple(state for state in State if state not in FINAL)


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which jobs are meant; None for any."""

    states: tuple[State, ...] = tuple(State)
    queue: str | None = None
    task: str | None = None
    key: str | None = None
    error: str | None = None
    """The class of the last attempt's error."""

    def where(self) -> list[tuple[str, str]]:
        """The orders where such jobs are, each with its queue."""
        queues = ledger().queues() if self.queue is None else [self.queue]
        return [(queue, order) for queue in queues for order in FLOW if ORDERS[order] in self.states]

    def fits(self, job: Record) -> bool:
        """Whether a job from there is meant."""
        key = None if self.key is None else short(self.key)
        return (
            self.task in (None, job.fields["task"])
            and key in (None, job.fields.get("key"))
            and (self.error is None or failure(job)[0] == self.error)
        )

    def digest(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:8]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Some of the jobs that are meant."""

    jobs: list[Record]
    next: str | None
    """The cursor of the next piece; None where this is the last."""


def walk(wanted: Filter, cursor: str | None, *, limit: int, errors: bool = False) -> Piece:
    """The next jobs, `limit` at the most; a piece may have fewer, or none, and not be the last.

    Raises:
        ParametersInvalid: the cursor is none, or comes from another filter.
        LedgerUnavailable: Redis does not answer.
    """
    where = wanted.where()
    after = None if cursor is None else _place(cursor, wanted, where)
    page = ledger().browse.page(
        where, after=after, limit=limit, wanted=wanted.fits, errors=errors or wanted.error is not None
    )
    return Piece(jobs=page.jobs, next=_cursor(page.next, wanted) if page.next else None)


def pieces(wanted: Filter, cursor: str | None, *, limit: int, most: int) -> Iterator[Piece]:
    """The next pieces, `most` of them at the most."""
    for _ in range(most):
        piece = walk(wanted, cursor, limit=limit)
        yield piece
        if (cursor := piece.next) is None:
            return


def failure(job: Record) -> tuple[str | None, str | None]:
    """The class and message of what a failed job failed with, of a job that was read with `errors`."""
    noted = json.loads(job.fields.get("last_attempt") or "{}").get("error")
    told = json.loads(noted) if noted else None
    if not told and (meta := job.fields.get("result")):
        told = public_result(State.FAILURE, json.loads(meta))
    return (told["error"], told["message"]) if told else (None, None)


def _cursor(place: Place, wanted: Filter) -> str:
    told = json.dumps([wanted.digest(), place.queue, place.order, place.score, place.id])
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def _place(cursor: str, wanted: Filter, where: list[tuple[str, str]]) -> Place:
    """Where a cursor stands; it may be anything that somebody wrote."""
    try:
        told = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        raise _no_cursor() from None
    match told:
        case [str(digest), str(queue), str(order), int() | float() as score, str(id)] if (
            (queue, order_of(order)) in where and is_text(id) and abs(score) < 1e18
        ):
            if digest != wanted.digest():
                raise misfit("cursor", "it was given for other parameters; send the same again, or no cursor")
            return Place(queue=queue, order=order, score=float(score), id=id)
    raise _no_cursor()


def _no_cursor() -> ParametersInvalid:
    return misfit("cursor", "it is none of the cursors that this route gives; send it as it came")
