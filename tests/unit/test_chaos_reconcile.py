"""What is counted is held against the attempts of each job and the kills: whatever differs is a fault."""

from collections import Counter
from unittest.mock import Mock

import pytest

from jobs.chaos.counted import count_lives
from jobs.chaos.deaths import LOOK, Deaths, Page, page_of
from jobs.chaos.figures import Figures
from jobs.chaos.kills import POOL_PROCESS
from jobs.chaos.lives import life_of
from jobs.chaos.reconcile import reconcile
from jobs.chaos.strikes import Strike
from jobs.chaos.witness import Effect

SECOND = 1_000_000_000
MAIN, CHILD, PORT = 10, 11, 8002


def life(*attempts, status="SUCCESS", stopped=False):
    """As the API tells it: each attempt by its number and outcome."""
    told = [{"attempt": number, "outcome": outcome} for number, outcome in attempts]
    return life_of(
        {"task": "chaos.slow", "status": status, "cancel_requested": stopped, "attempts": told}
    )  # fmt: skip


def effect(attempt=1, token=1, *, began=2.0, ended: float | None = 3.0, failed=False):
    return Effect(
        serial=0, task_id="a", token=token, attempt=attempt, pid=CHILD, main_pid=MAIN, failed=failed,
        began=int(began * SECOND), ended=None if ended is None else int(ended * SECOND),
    )  # fmt: skip


def struck(fault=POOL_PROCESS, pid=CHILD, at=5.0, until=None, *, fatal=True, main_pid: int | None = MAIN):
    return Strike(fault=fault, pid=pid, at=int(at * SECOND), until=until, fatal=fatal, main_pid=main_pid)


def reconciled(one, effects, counted=None, *, page=None, strikes=(), given_up=0):
    """The figures of one job, `a`, and of one worker, whose Celery gave so many processes up."""
    worker = Mock(**{"said.return_value": given_up, "program.name": "worker-1"})
    figures, deaths = Figures(subject="it"), Deaths({PORT: worker})
    if page:
        deaths.pages[PORT][MAIN] = page
    counted = count_lives([one]) if counted is None else counted
    reconcile(figures, Counter(counted), {"a": one}, {"a": effects}, deaths, list(strikes))
    return figures


CUT, DONE, FAILED = effect(ended=None), effect(), effect(failed=True)
NEXT = effect(2, 2, began=4, ended=5)


@pytest.mark.parametrize(("one", "effects", "strikes"), [
    (life((1, "SUCCESS")), [DONE], []),
    (life((1, "RETRY"), (2, "SUCCESS")), [FAILED, NEXT], []),
    (life((1, "FAILURE"), status="FAILURE"), [FAILED], []),
    (life((1, "LOST"), (2, "SUCCESS")), [CUT, NEXT], []),
    (life((1, "LOST"), (2, "SUCCESS")), [NEXT], []),
    (life((1, "LOST"), (2, "SUCCESS")), [DONE, NEXT], [struck()]),
    (life((1, "LOST"), (2, "SUCCESS")), [DONE, NEXT], [struck("worker frozen", MAIN, fatal=False)]),
    (life((1, "PENDING"), (1, "SUCCESS")), [CUT, effect(1, 2, began=4, ended=5)], []),
    (life((1, "PENDING"), (1, "SUCCESS")), [effect(1, 2, began=4, ended=5)], [struck()]),
    (life((1, "REVOKED"), status="REVOKED", stopped=True), [CUT], []),
    (life((1, "REVOKED"), status="REVOKED", stopped=True), [], []),
    (life((1, "LOST"), (2, "PENDING"), (2, "PENDING"), (2, "SUCCESS")), [effect(2, 4)], []),
], ids=str)  # fmt: skip
def test_what_the_witness_saw_in_the_same_way_is_no_fault(one, effects, strikes):
    assert reconciled(one, effects, strikes=strikes).miscounted == 0


@pytest.mark.parametrize(("one", "effects", "fault"), [
    (life((1, "SUCCESS")), [], "attempt 1 was SUCCESS, which the witness did not see"),
    (life((1, "SUCCESS")), [FAILED], "attempt 1 was SUCCESS, which the witness did not see"),
    (life((2, "SUCCESS")), [CUT, NEXT], "attempt 1 with token 1 was seen, and is not told of"),
    (life((1, "RETRY"), (2, "SUCCESS")), [DONE, NEXT], "attempt 1 was RETRY, which the witness"),
    (life((1, "LOST"), (2, "SUCCESS")), [DONE, NEXT], "attempt 1 with token 1 was seen"),
    (life((1, "LOST"), (3, "SUCCESS")), [effect(3)], "attempt 3 came in the place of 2"),
    (life((1, "PENDING"), (2, "SUCCESS")), [effect(2)], "attempt 2 came in the place of 1"),
    (life((1, "REVOKED"), status="REVOKED"), [DONE], "attempt 1 with token 1 was seen"),
], ids=str)  # fmt: skip
def test_what_the_witness_saw_otherwise_is_a_fault(one, effects, fault):
    found = reconciled(one, effects)
    assert found.miscounted
    assert fault in "".join(found.examples)


@pytest.mark.parametrize(("one", "counted"), [
    (life((1, "RETRY"), (2, "LOST"), (3, "SUCCESS")),
     {"wait": 3, "run": 2, "total": 1, "ended:RETRY": 1, "ended:LOST": 1, "recovered": 1,
      "ended:SUCCESS": 1, "finished:SUCCESS": 1}),
    (life((1, "LOST"), status="REVOKED", stopped=True),
     {"wait": 1, "total": 1, "ended:LOST": 1, "finished:REVOKED": 1}),
    (life((1, "LOST"), status="REVOKED"),
     {"wait": 1, "total": 1, "ended:LOST": 1, "recovered": 1, "finished:REVOKED": 1}),
    (life((1, "STARTED"), status="STARTED"), {"wait": 1}),
], ids=str)  # fmt: skip
def test_a_life_is_counted_event_by_event(one, counted):
    assert count_lives([one]) == Counter({("chaos.slow", name): n for name, n in counted.items()}) + Counter(
        {("chaos.slow", "submitted"): 1}
    )


def test_each_counter_that_differs_is_a_fault():
    one = life((1, "SUCCESS"))
    found = reconciled(one, [DONE], count_lives([one]) + Counter({("chaos.slow", "ended:RETRY"): 2}))
    assert found.miscounted == 1
    assert found.examples == ["miscounted: chaos.slow: ended:RETRY: counted 2, and there were 0"]


def page(killed, *, forced=0, complete_to=20.0, at=24.0):
    return Page(killed=killed, forced=forced, complete_to=int(complete_to * SECOND), at=int(at * SECOND))


TWICE = [struck(), struck(at=5.1)]
"""A process is struck again before it is gone."""


@pytest.mark.parametrize(("told", "strikes", "fault"), [
    (page(1), [struck()], ""),
    (page(1), TWICE, ""),
    (page(2), TWICE, "counted 2 killed processes, and there were 1"),
    (page(0), [], ""),
    (page(1), [], "counted 1 killed processes, and there were 0"),
    (page(1), [struck(main_pid=99)], "counted 1 killed processes, and there were 0"),
    (page(1), [struck("API process killed")], "counted 1 killed processes, and there were 0"),
    (page(0), [struck()], "counted 0 killed processes, and there were 1"),
    (page(0), [struck(at=22)], ""),
    (page(0), [struck(pid=12)], ""),
    (page(1), [struck(at=22)], ""),
    (page(1), [struck(at=25)], "counted 1 killed processes, and there were 0"),
    (page(0, forced=1), [struck()], ""),
], ids=str)  # fmt: skip
def test_workers_count_each_process_that_was_killed(told, strikes, fault):
    found = reconciled(life((1, "SUCCESS")), [DONE], page=told, strikes=strikes)
    assert bool(found.miscounted) == bool(fault)
    assert fault in "".join(found.examples)
    assert found.deaths == told.killed


def test_a_process_that_celery_gave_up_was_killed_too():
    one = life((1, "SUCCESS"))
    assert reconciled(one, [DONE], page=page(1), given_up=1).miscounted == 0
    assert reconciled(one, [DONE], page=page(2), given_up=1).miscounted == 1


def test_a_task_of_which_a_history_was_cut_is_not_judged():
    one = life(*((number, "LOST") for number in range(2, 22)), (22, "SUCCESS"))
    assert reconciled(one, [DONE], Counter()).miscounted == 0


def test_a_page_tells_of_all_deaths_until_the_worker_s_last_look():
    text = """\
taskbell_worker_stopping 0.0
# TYPE taskbell_worker_processes_ended_total counter
taskbell_worker_processes_ended_total{cause="SIGKILL"} 2.0
taskbell_worker_processes_ended_total{cause="oom"} 1.0
taskbell_worker_processes_ended_total{cause="forced"} 4.0
# TYPE taskbell_worker_renewal_age_seconds gauge
taskbell_worker_renewal_age_seconds 0.5
"""
    found = page_of(text, 10 * SECOND, 11 * SECOND)
    assert found is not None
    assert (found.killed, found.forced, found.at) == (3, 4, 11 * SECOND)
    assert found.complete_to == 10 * SECOND - SECOND // 2 - LOOK
    assert page_of(text.replace("stopping 0", "stopping 1"), 10 * SECOND, 11 * SECOND) is None
