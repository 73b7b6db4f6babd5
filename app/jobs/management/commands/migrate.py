"""`manage.py migrate`: Django's own, that also knows no database."""

from typing import Any

from django.core.management.commands.migrate import Command as Migrate

from jobs import database


class Command(Migrate):
    """Django's own, but where there is no database there is nothing to do."""

    def handle(self, *args: Any, **options: Any) -> None:
        alias = options["database"]
        if not database.is_there(alias):
            if options["verbosity"]:
                self.stdout.write(f"Database {alias!r} is none: there is nothing to migrate.")
            return
        super().handle(*args, **options)
