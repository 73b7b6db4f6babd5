"""The jobs of a simulated day, made up or read from a file."""

from statistics import median

import pytest

from bench.autoscale.behavior import WrongValue
from bench.autoscale.day import DAY, HOUR, Weather, made, read
from bench.autoscale.report import share_of

PLAIN = Weather(jobs=20_000, bursts=0, quiet=None, swing=0)


def test_a_day_has_as_many_jobs_as_are_asked_for_in_order_and_within_it():
    day = made(Weather(jobs=5000), seed=1)
    assert len(day.submitted) == len(day.durations) == 5000
    assert day.submitted == sorted(day.submitted)
    assert 0 <= day.submitted[0] <= day.submitted[-1] <= day.seconds == DAY


def test_durations_have_the_median_and_the_tail_that_are_asked_for():
    durations = sorted(made(PLAIN, seed=2).durations)
    assert median(durations) == pytest.approx(PLAIN.median, rel=0.05)
    assert share_of(durations, 0.99) == pytest.approx(PLAIN.p99, rel=0.15)


def test_without_swing_bursts_and_quiet_all_hours_are_alike():
    hours = [0] * 24
    for at in made(PLAIN, seed=3).submitted:
        hours[int(at // HOUR)] += 1
    assert max(hours) < 1.25 * min(hours)


def test_the_afternoon_is_busy_and_the_quiet_hours_are_quiet():
    weather = Weather(jobs=20_000, bursts=0, quiet=(1, 5))
    hours = [0] * 24
    for at in made(weather, seed=4).submitted:
        hours[int(at // HOUR)] += 1
    assert max(hours[1:5]) < hours[0] / 5
    assert 12 <= hours.index(max(hours)) <= 16


def test_a_burst_is_many_jobs_at_once():
    day = made(Weather(jobs=10_000, bursts=1, burst_share=0.5, burst_seconds=10), seed=5)
    windows = zip(day.submitted, day.submitted[4999:], strict=False)
    assert min(last - first for first, last in windows) <= 10


def test_a_file_is_read_in_any_order_with_and_without_a_head(tmp_path):
    path = tmp_path / "jobs.csv"
    path.write_text("seconds,duration\n3601, 2\n\n7.5,0\n")
    day = read(path)
    assert (day.submitted, day.durations, day.seconds) == ([7.5, 3601], [0, 2], 2 * HOUR)
    path.write_text("3,1\n")
    assert read(path).seconds == HOUR


def test_instants_since_1970_are_hours_of_the_first_jobs_day(tmp_path):
    path = tmp_path / "jobs.csv"
    path.write_text("1795392000,1\n1795399200,1\n")
    assert read(path).submitted == [1795392000 % DAY, 1795392000 % DAY + 7200]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no jobs"),
        ("seconds,duration\n", "has no jobs"),
        ("1,2\nsoon,2\n", "line 2: 'soon,2' is not"),
        ("1,2\nseconds,duration\n", "line 2: "),
        ("1\n", "line 1: '1' is not"),
        ("1,2,3\n", "line 1: '1,2,3' is not"),
        ("-1,2\n", "line 1: "),
        ("1,nan\n", "line 1: "),
        ("inf,1\n", "line 1: "),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_its_line(text, told, tmp_path):
    path = tmp_path / "jobs.csv"
    path.write_text(text)
    with pytest.raises(WrongValue) as wrong:
        read(path)
    assert str(wrong.value).startswith(str(path))
    assert told in str(wrong.value)
