"""A simulated day: every job runs once, in its turn, and pods come, go and cost as they should."""

import heapq
from itertools import pairwise

import pytest

from bench.autoscale.behavior import DOWN, UP, Behavior
from bench.autoscale.day import HOUR, Day, Weather, made
from bench.autoscale.fleet import Cluster, Fleet
from bench.autoscale.simulation import Simulation
from bench.autoscale.strategies import Strategy, strategies
from bench.autoscale.values import Pool, chart_pool

START = 3.5


def unwatched(_done):
    pass


def pool(*, concurrency=1, least=1, most=10, request=100):
    return Pool(
        name="it", concurrency=concurrency, least=least, most=most, target=0.8 * concurrency,
        shutdown_seconds=600,
        behavior=Behavior(up=UP, down=DOWN), cpu_target=70, cpu_request=request,
    )  # fmt: skip


def day(*jobs, seconds=HOUR):
    return Day(
        submitted=[at for at, _ in jobs], durations=[duration for _, duration in jobs], seconds=seconds
    )


def simulated(jobs, *, by="nothing", size=1, cluster=None, cpu_share=0.1, **of_pool):
    strategy = Strategy(name="it", pool=pool(**of_pool), by=by, size=size)
    return Simulation(jobs, strategy, cluster or Cluster(start=START), cpu_share).run(unwatched)


def queued(jobs, slots):
    """The waits of a queue, reckoned another way: each job takes the slot that is free first."""
    free, waits = [0.0] * slots, []
    for at, duration in zip(jobs.submitted, jobs.durations, strict=True):
        begin = max(at, heapq.heappop(free))
        heapq.heappush(free, begin + duration)
        waits.append(begin - at)
    return waits


@pytest.mark.parametrize(("concurrency", "waits"), [(1, [0, 4, 8, 2]), (2, [0, 0, 3, 0]), (3, [0, 0, 0, 0])])
def test_a_fixed_size_is_the_queue_that_one_reckons_by_hand(concurrency, waits):
    outcome = simulated(day((0, 5), (1, 5), (2, 5), (13, 1)), concurrency=concurrency)
    assert outcome.waits == waits
    assert outcome.pod_seconds == HOUR
    assert outcome.busy_share == pytest.approx(16 / (HOUR * concurrency))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_fixed_size_is_a_queue_of_all_its_slots(size):
    jobs = made(Weather(jobs=3000, median=20, p99=200), seed=5)
    outcome = simulated(jobs, size=size, concurrency=2)
    assert outcome.waits == pytest.approx(queued(jobs, 2 * size))
    assert max(outcome.waits) > 60


def test_what_is_left_at_the_days_end_still_runs_and_costs():
    outcome = simulated(day((0, HOUR), (1, HOUR)))
    assert outcome.waits == [0, HOUR - 1]
    assert outcome.ended == outcome.pod_seconds == 2 * HOUR


@pytest.mark.parametrize("deletion_cost", [False, True])
@pytest.mark.parametrize("place", range(4))
def test_every_job_runs_once_and_in_its_turn(place, deletion_cost):
    jobs = made(Weather(jobs=4000, median=20, p99=300), seed=place)
    chosen = strategies(jobs, [chart_pool()])[place]
    outcome = Simulation(jobs, chosen, Cluster(deletion_cost=deletion_cost), 0.1).run(unwatched)
    assert len(outcome.waits) == 4000
    assert min(outcome.waits) >= 0
    starts = [at + wait for at, wait in zip(jobs.submitted, outcome.waits, strict=True)]
    assert all(first <= second for first, second in pairwise(starts))
    assert 0 < outcome.busy_share <= 1
    assert min(each.pods for each in outcome.samples) >= chosen.pool.least


def test_the_same_seed_gives_the_same_day_and_the_same_outcome():
    first, second = (made(Weather(jobs=2000), seed=7) for _ in range(2))
    assert first == second != made(Weather(jobs=2000), seed=8)
    assert simulated(first, by="load", concurrency=4) == simulated(second, by="load", concurrency=4)
    assert simulated(first, by="cpu", concurrency=4) == simulated(second, by="cpu", concurrency=4)


def test_a_backlog_brings_pods_in_steps_and_each_takes_its_time_to_start():
    """Ten are wanted: four come at the first decision, five at the second."""
    outcome = simulated(day(*[(0, 100)] * 8), by="load")
    assert outcome.waits == [0, *[15 + START] * 4, *[30 + START] * 3]
    assert [each.pods for each in outcome.samples[:3]] == [5, 10, 10]


def test_a_pod_that_finds_no_room_waits_for_a_node():
    outcome = simulated(day(*[(0, 1000)] * 5), by="load", cluster=Cluster(start=START, room=3, node=90))
    assert outcome.waits == [0, *[15 + START] * 2, *[15 + START + 90] * 2]


def test_quiet_takes_pods_away_and_what_they_ran_comes_to_its_end():
    """A job of 2,000 seconds is in a pod that is told to go at 360, and goes at 2033.5."""
    outcome = simulated(day(*[(0, 30)] * 9, (20, 2000)), by="load")
    assert (outcome.asked_busy, outcome.cut_off) == (1, 1)
    pods = {each.at: each.pods for each in outcome.samples}
    assert [pods[at] for at in (330, 345, 360, 2025, 2040, 2310, 2325)] == [10, 6, 3, 3, 2, 2, 1]


def test_a_cpu_that_is_used_brings_pods_and_one_that_is_not_brings_none():
    jobs = day(*[(at, 60) for at in range(0, 600, 5)])
    assert simulated(jobs, by="cpu", cpu_share=0.01, concurrency=4).ups == 0
    busy = simulated(jobs, by="cpu", cpu_share=1, concurrency=4)
    assert busy.ups > 0
    assert max(each.pods for each in busy.samples) == 10


@pytest.mark.parametrize(("deletion_cost", "busy"), [(False, 1), (True, 0)])
def test_the_youngest_pod_goes_first_or_with_a_deletion_cost_an_idle_one(deletion_cost, busy):
    fleet = Fleet(Cluster(start=START, deletion_cost=deletion_cost), 0, concurrency=1, patience=600)
    for at in (0, 100):
        fleet.open(fleet.add(at))
    oldest, youngest = fleet.pods
    assert fleet.borrow(200) is oldest
    assert fleet.borrow(200) is youngest
    fleet.give_back(210, oldest)
    assert fleet.end(300, 1) == busy
    assert fleet.pods == ([oldest] if busy else [youngest])


def test_a_pod_that_has_not_started_goes_before_all_others():
    fleet = Fleet(Cluster(start=START, deletion_cost=True), 1, concurrency=1, patience=600)
    starting = fleet.add(10)
    assert fleet.end(11, 1) == 0
    assert starting.told == 11
    fleet.open(starting)
    assert fleet.borrow(20) is fleet.pods[0]
    assert fleet.borrow(20) is None


def test_a_pod_that_is_told_to_go_takes_no_more_jobs_and_costs_until_its_last_one_ends():
    fleet = Fleet(Cluster(), 1, concurrency=2, patience=600)
    pod = fleet.borrow(10)
    assert pod
    assert fleet.end(20, 1) == 1
    assert fleet.borrow(21) is None
    assert (fleet.there, pod.gone) == (1, None)
    fleet.give_back(50, pod)
    assert (fleet.there, fleet.seconds(1000), fleet.cut_off) == (0, 50, 0)


def test_what_a_day_is_compared_with_is_named_once():
    jobs = day((0, 100))
    names = [each.name for each in strategies(jobs, [pool(), pool(), pool(most=1, request=None)])]
    assert names == ["backlog, it 1", "backlog, it 2", "backlog, it 3", "fixed, least and mean and most: 1"]
