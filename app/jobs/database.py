"""Whether there is a database: `DATABASE_URL=none` says that there is none."""

from django.db import DEFAULT_DB_ALIAS, connections

NONE = "django.db.backends.dummy"
"""Django's engine for no database."""


def is_there(alias: str = DEFAULT_DB_ALIAS) -> bool:
    """Whether this one of the project's databases is more than a name."""
    return bool(connections[alias].settings_dict["ENGINE"] != NONE)
