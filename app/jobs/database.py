"""Whether there is a database: `DATABASE_URL=none` says that there is none."""

from django.db import DEFAULT_DB_ALIAS, connections

NONE = "django.db.backends.dummy"
"""Django's engine for no database."""


def is_there(alias: str = DEFAULT_DB_ALIAS) -> bool:
    """Whether this one of the project's databases is more than a name.

    It takes no lock, which a fork could carry into a child: any thread may ask at any time.
    """
    return bool(connections.settings.get(alias, {}).get("ENGINE") != NONE)
