"""When a failed attempt is tried again: the policy that a task declares, and the wait that comes of it.

Knows neither Celery nor Redis nor the clock: time and chance are handed in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_RETRY_AFTER = timedelta(hours=24)
"""A `Retry-After` that asks for more is taken for this."""
LONGEST_DELAY = timedelta(days=365)


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Which failures are tried again, how often, and after what wait."""

    max_attempts: int = 1
    """Attempts in all when the function raises; 1 means that it is never retried by itself."""
    retry_delay: timedelta = timedelta(seconds=1)
    """Longest wait before attempt 2."""
    retry_backoff: float = 2.0
    """What the wait is multiplied by from one attempt to the next; 1 keeps it the same."""
    retry_max_delay: timedelta = timedelta(hours=1)
    """What the wait never passes, but for a `Retry-After`; at most 365 days."""
    retry_jitter: float = 0.1
    """The part of each wait that is left to chance, 0 to 1, so that jobs that failed together do not
    come back together: with 0.1 a wait of 10 s is anything from 9 to 10 s, with 1 from 0 to 10 s."""
    retry_on: tuple[type[Exception], ...] = (Exception,)
    """Errors that are tried again; any other fails the job for good."""
    never_retry_on: tuple[type[Exception], ...] = ()
    """Errors that fail the job for good; wins over `retry_on`."""

    def faults(self) -> list[str]:
        """What is wrong with these options, a phrase each."""
        delay, longest, backoff, jitter = (
            self.retry_delay, self.retry_max_delay, self.retry_backoff, self.retry_jitter,
        )  # fmt: skip
        durations = _are(timedelta, delay, longest)
        rules = {
            "max_attempts must be 1 or more": is_count(self.max_attempts),
            "retry_delay and retry_max_delay must be timedeltas": durations,
            "retry_delay must not be negative": not durations or delay >= timedelta(0),
            "retry_max_delay must not be less than retry_delay": not durations or longest >= delay,
            "retry_max_delay must be at most 365 days": not durations or longest <= LONGEST_DELAY,
            "retry_backoff must be a number, 1 or more": (
                _are((int, float), backoff) and not _are(bool, backoff) and 1 <= backoff < float("inf")
            ),
            "retry_jitter must be a number from 0 to 1": _are((int, float), jitter) and 0 <= jitter <= 1,
            "retry_on must be a tuple of exception classes": _are_errors(self.retry_on),
            "never_retry_on must be a tuple of exception classes": _are_errors(self.never_retry_on),
        }
        return [fault for fault, holds in rules.items() if not holds]


def next_wait(
    policy: RetryPolicy,
    error: Exception,
    *,
    retries: int,
    max_attempts: int | None = None,
    random: Callable[[], float],
    now: datetime,
) -> timedelta | None:
    """The wait before the next attempt, or None where the job has failed for good.

    Args:
        policy: what the task declares.
        error: what ended the attempt.
        retries: how often the job was retried before.
        max_attempts: what the job's submit says instead of the policy.
        random: a number from 0 to 1, by chance.
        now: what a date in `Retry-After` is counted from.
    """
    allowed = policy.max_attempts if max_attempts is None else max_attempts
    if retries + 1 >= allowed or not isinstance(error, policy.retry_on):
        return None
    if isinstance(error, policy.never_retry_on):
        return None
    by_chance = policy.retry_jitter * random()
    wait = _grown(policy, retries) * (1 - by_chance)
    asked = retry_after(error, now)
    if asked is None:
        return wait
    return max(wait, min(asked * (1 + by_chance), LONGEST_RETRY_AFTER))


def retry_after(error: Exception, now: datetime) -> timedelta | None:
    """How long an error asks to wait, `LONGEST_RETRY_AFTER` at the most; None where it asks nothing.

    It may say so in an attribute `retry_after` (seconds, a timedelta, an aware datetime or a text as in the
    header), or in the header `Retry-After` (seconds or an HTTP date, counted from the header `Date`) of its
    `headers` or of its `response`, as the errors of httpx, requests, aiohttp and urllib do. What cannot be
    understood is nothing.
    """
    try:
        said, told_at = _said(error)
        seconds = _seconds(said, told_at or now)
    except Exception:  # noqa: BLE001 - the error is the task's own: its attributes may be and do anything
        return None
    return timedelta(seconds=min(seconds, LONGEST_RETRY_AFTER.total_seconds())) if seconds > 0 else None


def is_count(value: object) -> bool:
    """Whether this can be a number of attempts."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _grown(policy: RetryPolicy, retries: int) -> timedelta:
    delay, longest = policy.retry_delay, policy.retry_max_delay
    try:
        return min(delay * policy.retry_backoff**retries, longest)
    except OverflowError:
        return longest if delay else delay


def _said(error: Exception) -> tuple[Any, datetime | None]:
    """What the error asks for, and when it said so by its own clock, where it tells that: ours may be off."""
    said = getattr(error, "retry_after", None)
    if said is not None:
        return said, None
    for holder in (error, getattr(error, "response", None)):
        headers = {name.lower(): value for name, value in (getattr(holder, "headers", None) or {}).items()}
        if "retry-after" in headers:
            return headers["retry-after"], _http_date(headers["date"]) if "date" in headers else None
    return None, None


def _seconds(said: Any, now: datetime) -> float:
    if isinstance(said, str):
        try:
            return float(said)
        except ValueError:
            said = _http_date(said)
    if isinstance(said, datetime):
        said -= now
    return said.total_seconds() if isinstance(said, timedelta) else float(said)


def _http_date(text: str) -> datetime:
    instant = parsedate_to_datetime(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _are(kinds: type | tuple[type, ...], *values: object) -> bool:
    return all(isinstance(value, kinds) for value in values)


def _are_errors(value: object) -> bool:
    return isinstance(value, tuple) and all(
        isinstance(kind, type) and issubclass(kind, Exception) for kind in value
    )
