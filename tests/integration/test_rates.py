"""Rates, as `@task` and as Celery spell them."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from jobs.limits import Limits, Rate


@pytest.fixture
def limits_of():
    import djangoNinja  # noqa: F401 - sets Django up
    from jobs.worker.bind import limits_of

    return lambda **task: limits_of(SimpleNamespace(**task))


@pytest.mark.parametrize(("text", "interval", "burst"), [
    ("10/s", 0.1, 10), ("1/s", 1, 1), ("90/m", 60 / 90, 1), ("5/h", 720, 1), (" 3 / m ", 20, 1),
    ("1000000/s", 1e-6, 1_000_000),
])  # fmt: skip
def test_a_rate_is_read(text, interval, burst):
    rate = Rate.parse(text)
    assert rate.interval.total_seconds() == pytest.approx(interval, abs=1e-6)
    assert rate.burst == burst


@pytest.mark.parametrize(
    "text", ["", "10", "0/s", "-1/s", "0.5/s", "10/d", "s", "1000001/s", "99999999999/h"]
)
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(ValueError, match="a rate is"):
        Rate.parse(text)


@pytest.mark.parametrize(("celerys", "seconds"), [
    ("10/s", 0.1), ("0.5/s", 2), ("0.1/m", 600), (5, 0.2), (0.25, 4), ("2", 0.5), ("1e9/s", 1e-6),
])  # fmt: skip
def test_celery_s_own_rate_limit_is_read_as_celery_reads_it(limits_of, celerys, seconds):
    limit = limits_of(rate_limit=celerys).task
    assert limit.rate is not None
    assert limit.rate.interval == timedelta(seconds=seconds)
    assert "," in limit.packed()


@pytest.mark.parametrize("celerys", [None, 0, "0", "0/s", ""])
def test_celery_s_none_is_none(limits_of, celerys):
    assert limits_of(rate_limit=celerys) == Limits()
