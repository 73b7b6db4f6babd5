"""`manage.py migrate`: Django's own, that also knows no database, and waits while another migrates."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.management.commands.migrate import Command as Migrate
from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from jobs import database

LOCK = 0x7461736B62656C6C
"""PostgreSQL's number for the lock: "taskbell". The database that it is taken in is part of it."""
LOOK_EVERY_SECONDS = 0.25


class Command(Migrate):
    """Django's own, but that any number of them may run at once on PostgreSQL: one after the other.

    Where there is no database there is nothing to do.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        alias = options["database"]
        if not database.is_there(alias):
            if options["verbosity"]:
                self.stdout.write(f"Database {alias!r} is none: there is nothing to migrate.")
            return
        if options["check_unapplied"] or options["plan"]:  # they only look
            super().handle(*args, **options)
            return
        with self._alone(connections[alias]):
            super().handle(*args, **options)

    @contextmanager
    def _alone(self, connection: BaseDatabaseWrapper) -> Iterator[None]:
        """Hold the lock on the connection that migrates: it is free as soon as that is gone."""
        if connection.vendor != "postgresql":
            yield
            return
        if not _asked(connection, "SELECT pg_try_advisory_lock(%s)"):
            self.stdout.write("Another process migrates this database; waiting for it.")
            # Not in one statement that blocks: CREATE INDEX CONCURRENTLY waits for the end of such a one.
            while not _asked(connection, "SELECT pg_try_advisory_lock(%s)"):
                time.sleep(LOOK_EVERY_SECONDS)
        try:
            yield
        finally:
            with suppress(Error):
                _asked(connection, "SELECT pg_advisory_unlock(%s)")


def _asked(connection: BaseDatabaseWrapper, question: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question, [LOCK])
        return bool(cursor.fetchone()[0])
