"""The servers that the tests of the ledger run against, one after the other."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dj_database_url
import pytest
import redis
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from jobs import database
from jobs import ledger as ledgers
from jobs.conf import Settings, settings
from jobs.ledger import Holder, KnownTasks, Ledger
from jobs.limits import Limits
from tests.postgres import Postgres, running_postgres
from tests.redises import SERVERS, Server


@pytest.fixture(scope="module", params=SERVERS)
def running_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with SERVERS[request.param]() as server:
        yield server


@pytest.fixture
def server(running_server: Server) -> Server:
    """A real Valkey, then a real Redis 7.0, empty."""
    running_server.raw.flushall()
    return running_server


@pytest.fixture
def ledger_settings(server: Server) -> Settings:
    return Settings(REDIS_URL=server.url)


@pytest.fixture
def ledger(ledger_settings: Settings) -> Iterator[Ledger]:
    ledger = Ledger(ledger_settings)
    yield ledger
    ledger._redis.connection_pool.disconnect()


@pytest.fixture
def new_holder(ledger_settings: Settings) -> Iterator[Callable[..., Holder]]:
    """Makes holders whose worker knows the task `process`, or those named."""
    holders = []

    def make(name: str, *known: str) -> Holder:
        tasks = KnownTasks(dict.fromkeys(known or ("process",), Limits()), ledger_settings)
        holders.append(Holder(name, ledger_settings, tasks))
        return holders[-1]

    yield make
    for holder in holders:
        holder.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL; skips the test where there is none."""
    with running_postgres() as server:
        yield server


EVERY_DATABASE = pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)
"""Runs what is `at_home` on each, and each time with an empty ledger."""


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Where the databases of this test are, by alias: files, or as `EVERY_DATABASE` asks."""
    if hasattr(request, "param"):
        with redis.Redis.from_url(request.getfixturevalue("valkey_url")) as ledger:
            ledger.flushall()
    if getattr(request, "param", "sqlite") == "sqlite":
        return lambda alias: f"sqlite:///{tmp_path}/{alias}.sqlite3"
    server: Postgres = request.getfixturevalue("postgres")
    names = {alias: server.new_database() for alias in ("default", "other")}
    return lambda alias: server.url(names[alias])


def as_django_has_it(url: str) -> dict[str, Any]:
    """The settings of a database; a file has the options of the project's own."""
    before = connections.settings["default"]
    if url == "none":
        return {**before, "ENGINE": database.NONE}
    found = {**before, **dj_database_url.parse(url)}
    return found if url.startswith("sqlite") else {**found, "OPTIONS": {}}


@pytest.fixture
def at_home(
    valkey_url: str, database_url: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """This process is one of the platform: its tasks submit to `valkey`, its databases are its own.

    There are two, `default` and `other`, migrated, each with a table `notes` of one column, `text`.
    """
    import djangoNinja
    import tests.probes.limited
    import tests.probes.probes  # noqa: F401 - declares tasks
    from jobs.worker.bind import bind_declared

    bind_declared(djangoNinja.app)
    for alias in ("default", "other"):
        monkeypatch.setitem(connections.settings, alias, as_django_has_it(database_url(alias)))
        forget_connection(alias)  # to what was there before
    with override_settings(JOBS={**django_settings.JOBS, "REDIS_URL": valkey_url}):
        settings.cache_clear()
        ledgers.ledger.cache_clear()
        for alias in ("default", "other"):
            call_command("migrate", database=alias, verbosity=0)
            if database.is_there(alias):
                connections[alias].cursor().execute("CREATE TABLE notes (text TEXT)")
        yield
        ledgers.ledger()._redis.connection_pool.disconnect()
        for alias in ("default", "other"):
            forget_connection(alias)
    settings.cache_clear()
    ledgers.ledger.cache_clear()


def forget_connection(alias: str) -> None:
    connections[alias].close()
    del connections[alias]
