"""Fixtures of the adapter's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapter.api import Api
from tests.adapter.authorities import Authority, Certificate


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The request headers' authority."""
    return Authority(tmp_path_factory.mktemp("front"), "front-proxy-ca")


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody named."""
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger-ca")


@pytest.fixture(scope="session")
def front_proxy(authority: Authority) -> Certificate:
    """What the API server shows."""
    return authority.client("front-proxy-client")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A stand-in for Kubernetes' API, that runs."""
    account = tmp_path / "account"
    account.mkdir()
    standing_in = Api(account)
    with standing_in.running():
        yield standing_in
