"""What the names may be that callers choose: a job's id, a queue."""

import unicodedata

from jobs.conf import settings

MAX_LENGTH = 255
"""The width of an id's column in the database."""
QUEUE_MAX_LENGTH = 200
RESULTS = "celery-task-meta-"
"""What the keys of results start with."""
BINDINGS = "_kombu."
"""What the keys start with in which Celery keeps who listens where."""
ID_RULE = f"a job's id has 1 to {MAX_LENGTH} characters, none of control"


def is_well_formed(task_id: str) -> bool:
    """Whether a job could have this id: 1 to 255 characters, no control character among them.

    Not only UUIDs: plain Celery clients choose their own.
    """
    return _is_text(task_id, MAX_LENGTH)


def is_text(value: str) -> bool:
    """Whether Redis could hold this: JSON may name halves of characters, which UTF-8 has not."""
    return not any(unicodedata.category(c) == "Cs" for c in value)


def is_queue(name: str) -> bool:
    """Whether a queue could have this name: its list is a key beside the ledger's, and must not be one."""
    return _is_text(name, QUEUE_MAX_LENGTH) and not name.startswith(_reserved())


def queue_rule() -> str:
    """What holds of a queue's name, for who gave another."""
    reserved = " or ".join(map(repr, _reserved()))
    length = f"1 to {QUEUE_MAX_LENGTH} characters, none of control"
    return f"a queue's name has {length}, and does not begin with {reserved}"


def _reserved() -> tuple[str, ...]:
    return settings().PREFIX, RESULTS, BINDINGS


def _is_text(text: str, most: int) -> bool:
    return 0 < len(text) <= most and not any(unicodedata.category(c) in ("Cc", "Cs") for c in text)
