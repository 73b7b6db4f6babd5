"""The servers that the tests of the ledger run against, one after the other."""

from collections.abc import Callable, Iterator

import pytest

from jobs.conf import Settings
from jobs.ledger import Holder, KnownTasks, Ledger
from jobs.limits import Limits
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
