"""Fixtures that more than one folder of tests uses."""

import os
from collections.abc import Iterator

import pytest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

from tests.servers import Valkey, running_api, running_valkey
from tests.workers import POOLS, Platform, Worker, running_worker


@pytest.fixture(scope="module")
def valkey() -> Iterator[Valkey]:
    """A Valkey for the tests of one module."""
    with running_valkey() as server:
        yield server


@pytest.fixture(scope="module")
def valkey_url(valkey: Valkey) -> str:
    return valkey.url


@pytest.fixture(scope="module")
def api(valkey_url: str) -> Iterator[str]:
    """The API's address."""
    with running_api(valkey_url) as url:
        yield url


@pytest.fixture
def platform(valkey_url: str) -> Iterator[Platform]:
    client = Platform(valkey_url)
    yield client
    client.close()


@pytest.fixture(scope="module", params=POOLS)
def worker(request: pytest.FixtureRequest, valkey_url: str) -> Iterator[Worker]:
    """A worker on each pool, one after another."""
    with running_worker(valkey_url, request.param) as running:
        running.pool = request.param
        yield running
