"""What an address of Sentinels says, and how any address may be shown."""

import pytest

from jobs.address import watched, without_password


def test_sentinels_have_their_usual_port_and_a_database_its_usual_number():
    found = watched("sentinel://one,two:5000,[::1]:6000/mymaster")
    assert found is not None
    assert found.sentinels == (("one", 26379), ("two", 5000), ("::1", 6000))
    assert (found.name, found.db, found.username, found.password) == ("mymaster", 0, "", "")


def test_user_and_password_in_the_address_are_redis_own():
    found = watched("sentinel://me:a%40b@one:5000,two:5000/my%20master/3")
    assert found is not None
    assert found.sentinels == (("one", 5000), ("two", 5000))
    assert (found.name, found.db, found.username, found.password) == ("my master", 3, "me", "a@b")


@pytest.mark.parametrize("url", ["redis://one/0", "rediss://one:6380"])
def test_any_other_address_is_one_redis(url):
    assert watched(url) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://one:6379/0", "redis://one:6379/0"),
        ("redis://:secret@one/0", "redis://:**@one/0"),
        ("rediss://me@one/0", "rediss://me@one/0"),
        ("sentinel://me:secret@one:1,two:2/mymaster/0", "sentinel://me:**@one:1,two:2/mymaster/0"),
    ],
)
def test_an_address_is_shown_without_its_password(url, shown):
    assert without_password(url) == shown
