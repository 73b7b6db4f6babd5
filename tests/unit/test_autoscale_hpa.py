"""The simulated autoscaler decides as Kubernetes' does: cases of the controller's and the KEPs' rules."""

import pytest

from bench.autoscale.behavior import DOWN, UP, Behavior, Policy, Rules
from bench.autoscale.demand import Seen, by_cpu, by_load
from bench.autoscale.hpa import Autoscaler

USUAL = Behavior(up=UP, down=DOWN)


def pods(value, period=60):
    return Policy(kind="Pods", value=value, period=period)


def percent(value, period=60):
    return Policy(kind="Percent", value=value, period=period)


def up(*policies, select="Max", window=0):
    return Behavior(up=Rules(window=window, policies=policies, select=select), down=DOWN)


def down(*policies, select="Max", window=0):
    return Behavior(up=UP, down=Rules(window=window, policies=policies, select=select))


def sizes(behavior, start, wanted, *, least=1, most=1000, every=15):
    """How many pods there are after each of the decisions."""
    scaler, size, found = Autoscaler(behavior, least=least, most=most), start, []
    for turn, number in enumerate(wanted):
        size = scaler.decide(turn * every, size, number)
        found.append(size)
    return found


@pytest.mark.parametrize(
    ("behavior", "start", "found"),
    [
        (up(percent(100, 15), pods(4, 15)), 1, [5, 10, 20, 40]),
        (up(percent(100, 15), pods(4, 15), select="Min"), 1, [2, 4, 8, 12]),
        (up(percent(100, 15), pods(4, 15), select="Disabled"), 1, [1, 1, 1, 1]),
        (up(pods(4, 60)), 1, [5, 5, 5, 5, 9]),
        (up(percent(10, 15)), 1, [2, 3, 4, 5]),
        (up(percent(900, 60)), 1, [10, 10, 10, 10, 100]),
        (up(pods(2, 15), pods(4, 60)), 1, [5, 7, 9, 11]),
    ],
    ids=["the larger of two", "the smaller of two", "disabled", "its period is over before it is used again",
         "a percentage is rounded up", "ten times a minute", "each policy counts its own period"],
)  # fmt: skip
def test_it_goes_up_as_fast_as_the_policies_let_it(behavior, start, found):
    assert sizes(behavior, start, [1000] * len(found)) == found


@pytest.mark.parametrize(
    ("behavior", "start", "found"),
    [
        (down(pods(4), percent(10)), 80, [72, 64, 57, 51, 45, 40, 36, 32]),
        (down(pods(4), percent(10), select="Min"), 80, [76, 72, 68]),
        (down(pods(4), percent(10), select="Disabled"), 80, [80, 80]),
        (down(percent(10)), 5, [4, 3, 2, 1, 1]),
        (down(percent(100)), 80, [1]),
        (down(pods(5), percent(1)), 3, [1]),
    ],
    ids=["the larger of two", "the smaller of two", "disabled", "a percentage is rounded down",
         "all at once", "not below the least"],
)  # fmt: skip
def test_it_goes_down_as_fast_as_the_policies_let_it(behavior, start, found):
    assert sizes(behavior, start, [1] * len(found), every=60) == found


def test_a_period_begins_with_as_many_pods_as_there_were():
    """What went up in the period is taken off, what went down put back: a way there and back is no way."""
    behavior = Behavior(up=Rules(window=0, policies=(pods(4),)), down=Rules(window=0, policies=(pods(4),)))
    assert sizes(behavior, 10, [20, 1, 20]) == [14, 6, 14]


def test_it_goes_down_when_less_was_wanted_for_the_whole_window():
    found = sizes(down(percent(100), window=60), 10, [10, 2, 2, 2, 2, 2])
    assert found == [10, 10, 10, 10, 2, 2]


def test_it_goes_down_to_the_most_that_was_wanted_in_the_window():
    assert sizes(down(percent(100), window=60), 10, [10, 2, 6, 2, 2, 3, 3]) == [10, 10, 10, 10, 6, 6, 3]


def test_it_goes_up_when_more_was_wanted_for_the_whole_window():
    found = sizes(up(percent(900, 15), window=60), 2, [2, 9, 9, 9, 9, 9])
    assert found == [2, 2, 2, 2, 9, 9]


def test_a_short_rise_does_nothing_where_there_is_a_window_upwards():
    assert sizes(up(percent(900, 15), window=60), 2, [2, 9, 9, 2, 9, 9, 9]) == [2] * 7


def test_a_window_upwards_holds_from_the_first_decision_on():
    assert sizes(up(percent(900, 15), window=30), 1, [9, 9, 9]) == [1, 1, 9]


def test_without_a_metric_it_stays_and_only_keeps_the_bounds():
    assert sizes(USUAL, 5, [None, None]) == [5, 5]
    assert sizes(USUAL, 1, [None], least=3) == [3]
    assert sizes(USUAL, 50, [None], most=10) == [10]


def test_the_bounds_are_kept_at_once_whatever_the_policies_say():
    assert sizes(up(pods(1)), 1, [1], least=30) == [30]
    assert sizes(down(pods(1)), 50, [50], most=10) == [10]


def test_it_never_passes_the_bounds():
    assert sizes(USUAL, 8, [100, 100], most=10) == [10, 10]
    assert sizes(down(percent(100)), 8, [0, 0], least=2) == [2, 2]


@pytest.mark.parametrize(
    ("load", "current", "wanted"),
    [(0, 10, 0), (28, 10, 9), (29, 10, 10), (32, 10, 10), (35, 10, 10), (36, 10, 12), (48, 1, 15), (3, 1, 1),
     (4, 1, 2), (400, 1, 125)],
)  # fmt: skip
def test_a_load_wants_as_many_pods_as_share_it_and_a_tenth_more_or_less_changes_nothing(
    load, current, wanted
):
    assert by_load(load, 3.2, current, USUAL) == wanted


def test_each_direction_may_have_a_tolerance_of_its_own():
    behavior = Behavior(
        up=Rules(window=0, policies=(pods(4),), tolerance=0),
        down=Rules(window=0, policies=(pods(4),), tolerance=0.5),
    )
    assert [by_load(load, 1, 10, behavior) for load in (4, 5, 10, 10.5)] == [4, 10, 10, 11]


@pytest.mark.parametrize(
    ("seen", "current", "wanted"),
    [
        (Seen(used=[350] * 4), 4, 8),
        (Seen(used=[175] * 4), 4, 4),
        (Seen(used=[190] * 4), 4, 4),
        (Seen(used=[60] * 4), 4, 2),
        (Seen(used=[0] * 4), 4, 0),
        (Seen(used=[], unready=1, missing=1), 2, None),
        (Seen(used=[350] * 2, unready=2), 4, 4),
        (Seen(used=[700] * 2, unready=2), 4, 8),
        (Seen(used=[700] * 2, missing=2), 4, 8),
        (Seen(used=[350] * 2, unready=8), 10, 10),
        (Seen(used=[50] * 2, unready=2), 4, 1),
        (Seen(used=[50] * 2, missing=2), 4, 4),
        (Seen(used=[50] * 3, missing=1), 4, 3),
        (Seen(used=[100], missing=5), 6, 6),
    ],
    ids=["twice the target", "the target", "near the target", "little", "nothing", "nothing is known",
         "starting pods count as idle", "and more are wanted nevertheless", "pods without a sample are idle",
         "idle ones never turn it down", "starting pods are no reason to stay",
         "pods without a sample are busy when it goes down", "and fewer are wanted nevertheless",
         "busy ones never turn it up"],
)  # fmt: skip
def test_the_use_of_the_cpu_wants_pods_and_what_is_not_known_never_makes_it_bolder(seen, current, wanted):
    assert by_cpu(seen, 250, 70, current, USUAL) == wanted


def test_a_pod_without_a_sample_uses_the_target_where_that_is_above_its_request():
    assert by_cpu(Seen(used=[100] * 3, missing=1), 100, 200, 4, USUAL) == 3
