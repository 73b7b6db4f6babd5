"""A problem: what a client is told of an error, as RFC 9457 has it. Knows no web framework."""

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from jobs.errors import JobsError

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One error, ready for the wire."""

    status: int
    slug: str
    title: str
    detail: str
    errors: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    """Fields that only some types have."""

    def body(self) -> bytes:
        """The problem as JSON; `errors` is there only when it names a field."""
        told: dict[str, Any] = {
            "type": f"/problems/{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        return json.dumps(told | self.more | ({"errors": self.errors} if self.errors else {})).encode()


def of_error(error: JobsError) -> Problem:
    """The problem that an error of the platform is."""
    wait = error.retry_after_seconds
    return Problem(
        status=error.status, slug=error.slug, title=error.title(), detail=error.detail, errors=error.errors,
        headers=error.headers | ({} if wait is None else {"Retry-After": str(wait)}), more=error.more,
    )  # fmt: skip


def of_status(status: int, detail: str, **more: Any) -> Problem:
    """The problem of a bare HTTP status, named as HTTP names it."""
    if status == JobsError.status:
        return of_error(JobsError(detail))
    phrase = HTTPStatus(status).phrase
    return Problem(
        status=status, slug=phrase.lower().replace(" ", "-"), title=f"{phrase}.", detail=detail, **more
    )
