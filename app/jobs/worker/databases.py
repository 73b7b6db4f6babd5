"""Database connections between attempts: those that are used up are closed, as Celery does for Django.

Most jobs use none, and then there is nothing to look at.
"""

from typing import Any

from django.db import connections
from django.db.backends.signals import connection_created

_opened: set[str] = set()
"""The databases that this process has ever connected to."""


def close_used_up() -> None:
    """Close this thread's connections that failed or are older than their settings allow."""
    if _opened:
        for connection in connections.all(initialized_only=True):
            connection.close_if_unusable_or_obsolete()


def _on_connection_created(connection: Any, **_: Any) -> None:
    _opened.add(connection.alias)


connection_created.connect(_on_connection_created)
