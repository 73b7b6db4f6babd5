"""What the proof counts: every way in which a run can fall short shows in its figures and its verdict."""

from datetime import timedelta

import pytest

from jobs.chaos.books import Books
from jobs.chaos.figures import Figures, reckon
from jobs.chaos.kinds import Planned, plan_jobs
from jobs.chaos.plan import Plan
from jobs.chaos.report import table, verdict
from jobs.chaos.schedule import schedule
from jobs.chaos.settle import Told
from jobs.chaos.strikes import Strikes
from jobs.chaos.witness import Effect, by_job

SECOND = 1_000_000_000
SOUND = Told(status="SUCCESS", result={"serial": 0, "token": 1})


def effect(token=1, began=2.0, ended=3.0):
    return Effect(
        serial=0, task_id="a", token=token, attempt=token, pid=11, main_pid=10,
        began=int(began * SECOND), ended=int(ended * SECOND),
    )  # fmt: skip


def figures(told, effects, planned=None, *, remaining=("a",), idempotent=False, revoked=None):
    """The figures of one job, `a`, that was accepted one second after the clock's zero."""
    books, found = Books(), Figures(subject="it", idempotent=idempotent, gap_at_end=0, gap_largest=0)
    entry = books.sent(planned or Planned(serial=0, kind="quick", task="chaos.quick"), 0)
    books.answered(entry, "a", SECOND)
    if revoked is not None:
        books.revoked["a"] = int(revoked * SECOND)
    reckon(found, books, by_job(effects), {"a": told}, Strikes(), remaining)
    return found


def test_a_sound_run_holds():
    found = figures(SOUND, [effect()])
    assert (found.accepted, found.finished, found.attempts, found.longest_wait) == (1, 1, 1, 1.0)
    assert found.faulty == {}
    assert verdict(found) == "verdict: holds: lost 0, stuck 0, doubled 0, gap 0"


@pytest.mark.parametrize(
    ("told", "effects", "fault"),
    [
        (Told(status=""), [effect()], "lost"),
        (SOUND, [], "lost"),
        (Told(status="PENDING"), [], "stuck"),
        (Told(status="FAILURE", result={"error": "WorkerLostError"}), [effect()], "wrong"),
        (SOUND, [effect(), effect(token=2, began=4, ended=5)], "doubled"),
    ],
    ids=["no such job", "no effect", "no end", "another end", "run twice"],
)
def test_what_is_not_as_promised_breaks_the_verdict(told, effects, fault):
    found = figures(told, effects)
    assert found.faulty[fault] == 1
    assert f"{fault} 1" in verdict(found)
    assert any(example.startswith(f"{fault}: job a") for example in found.examples)


def test_a_job_that_has_no_end_and_is_nowhere_is_lost():
    assert figures(Told(status="PENDING"), [], remaining=()).faulty == {"lost": 1}


def test_a_job_that_was_done_and_is_never_told_so_is_wrong():
    assert figures(Told(status="RETRY"), [effect()], remaining=()).faulty == {"wrong": 1}


def test_a_result_that_is_not_the_last_attempt_s_is_no_fence():
    found = figures(SOUND, [effect(), effect(token=2, began=2.5, ended=4)])
    assert found.faulty == {"doubled": 1, "unfenced": 1}


def test_a_cancel_that_was_told_to_end_a_job_ended_it():
    slow = Planned(serial=0, kind="cancelled", task="chaos.slow")
    assert figures(Told(status="REVOKED"), [], slow, revoked=2).faulty == {}
    assert figures(Told(status="REVOKED"), [effect()], slow, revoked=4).faulty == {}
    assert figures(Told(status="REVOKED"), [effect()], slow, revoked=1).faulty == {"wrong": 1}
    assert figures(SOUND, [effect()], slow, revoked=4).faulty == {"wrong": 1}


def test_a_delayed_job_that_begins_too_early_is_wrong():
    late = Planned(serial=0, kind="delayed", task="chaos.quick", delay=timedelta(seconds=3))
    assert figures(SOUND, [effect(began=2, ended=3)], late).faulty == {"wrong": 1}
    assert figures(SOUND, [effect(began=3.1, ended=4)], late).faulty == {}


def test_a_second_job_under_one_key_counts_only_where_keys_are_kept():
    other = Effect(serial=0, task_id="b", token=1, attempt=1, pid=1, main_pid=2, began=SECOND, ended=SECOND)
    assert figures(SOUND, [effect(), other]).accepted_twice == 1
    assert figures(SOUND, [effect(), other], idempotent=True).faulty["accepted twice"] == 1


def test_a_gap_breaks_the_verdict_even_if_it_closed():
    found = figures(SOUND, [effect()])
    found.gap_largest = 2
    assert verdict(found) == "verdict: BROKEN: largest gap 2"


def test_a_table_has_a_column_for_each_run():
    lines = table([figures(SOUND, [effect()]), Figures(subject="other")])
    assert lines[0].split() == ["it", "other"]
    assert len({len(line) for line in lines if line.strip() != "done to it:"}) == 1


def test_a_run_has_as_many_kills_as_it_was_told():
    plan = Plan(jobs=100, kills=40, redis_restarts=3, seed=5)
    faults = schedule(plan)
    assert sum(name.endswith("killed") and name != "Redis killed" for name in faults) == 40
    assert faults.count("Redis killed") == 3
    assert "Redis away" in faults
    assert faults == schedule(plan)


def test_the_same_seed_gives_the_same_jobs():
    assert list(plan_jobs("r", 300, 7)) == list(plan_jobs("r", 300, 7))
    assert {job.kind for job in plan_jobs("r", 300, 7)} >= {
        "slow",
        "failing",
        "doomed",
        "delayed",
        "cancelled",
    }
