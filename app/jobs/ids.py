"""What a job's id may be: plain Celery clients choose their own, so not only UUIDs."""

import unicodedata

MAX_LENGTH = 255
"""The width of its column in the database."""


def is_well_formed(task_id: str) -> bool:
    """Whether a job could have this id: 1 to 255 characters, no control character among them."""
    return 0 < len(task_id) <= MAX_LENGTH and not any(
        unicodedata.category(c) in ("Cc", "Cs") for c in task_id
    )
