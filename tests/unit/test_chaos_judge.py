"""What the proof says of attempts: it sees what is wrong, and nothing wrong in what a kill explains."""

import pytest

from jobs.chaos.judge import Judge, Overtaken
from jobs.chaos.strikes import Strike
from jobs.chaos.witness import Effect, effect, place, read

SECOND = 1_000_000_000
PID, MAIN, OTHER = 11, 10, 21


def attempt(token, began, ended=None, *, pid=PID, failed=False):
    """An attempt whose token is its number; instants are seconds."""
    return Effect(
        serial=0, task_id="a", token=token, attempt=token, pid=pid, main_pid=MAIN if pid == PID else 20,
        began=int(began * SECOND), ended=None if ended is None else int(ended * SECOND), failed=failed,
    )  # fmt: skip


def kill(pid, at):
    return Strike(fault="killed", pid=pid, at=int(at * SECOND))


def silence(at, until):
    return Strike(fault="frozen", pid=MAIN, at=int(at * SECOND), until=int(until * SECOND), fatal=False)


@pytest.mark.parametrize(
    ("attempts", "strikes", "why"),
    [
        ([attempt(1, 1, 2, failed=True), attempt(2, 3, 4, pid=OTHER)], [], Overtaken.RETRIED),
        ([attempt(1, 1), attempt(2, 3, 4, pid=OTHER)], [kill(PID, 2)], Overtaken.CUT_OFF),
        ([attempt(1, 1), attempt(2, 3, 4, pid=OTHER)], [kill(MAIN, 2)], Overtaken.CUT_OFF),
        ([attempt(1, 1), attempt(2, 3, 4, pid=OTHER)], [kill(MAIN, 0.99)], Overtaken.CUT_OFF),
        ([attempt(1, 1, 2), attempt(2, 3, 4, pid=OTHER)], [kill(PID, 2.1)], Overtaken.UNRECORDED),
        ([attempt(1, 1, 9), attempt(2, 7, 8, pid=OTHER)], [silence(1.5, 8.5)], Overtaken.FENCED),
        ([attempt(1, 1, 2), attempt(2, 7, 8, pid=OTHER)], [silence(2.1, 8.5)], Overtaken.FENCED),
        ([attempt(2, 7, 8, pid=OTHER), attempt(1, 9, 10)], [silence(1, 8.9)], Overtaken.FENCED),
        ([attempt(1, 1), attempt(2, 7, 8, pid=OTHER)], [silence(1.5, 8), kill(MAIN, 9)], Overtaken.FENCED),
    ],
    ids=["a retry", "its process was killed", "its worker was killed", "its worker was just killed",
         "killed before its end was recorded", "frozen in its middle", "frozen at its end",
         "frozen before its begin", "frozen, then killed"],
)  # fmt: skip
def test_an_attempt_that_another_overtook_is_explained_by_what_was_done(attempts, strikes, why):
    assert Judge(strikes).count(attempts) == {why: 1}


@pytest.mark.parametrize(
    ("attempts", "strikes"),
    [
        ([attempt(1, 1, 5), attempt(2, 3, 4, pid=OTHER)], []),
        ([attempt(1, 1, 2), attempt(2, 3, 4, pid=OTHER)], []),
        ([attempt(1, 1), attempt(2, 3, 4, pid=OTHER)], []),
        ([attempt(1, 1), attempt(2, 3, 4, pid=OTHER)], [kill(PID, 3.5)]),
        ([attempt(1, 1), attempt(2, 3, 4, pid=OTHER)], [kill(OTHER, 2)]),
        ([attempt(1, 1), attempt(2, 3, 4, pid=OTHER)], [kill(MAIN, 0.4)]),
        ([attempt(1, 1, 5), attempt(2, 3, 4, pid=OTHER)], [silence(1.5, 3.5)]),
        ([attempt(1, 1, 5, failed=True), attempt(2, 3, 4, pid=OTHER)], []),
        ([attempt(1, 1, 2), attempt(1, 3, 4, pid=OTHER)], [kill(PID, 2.1)]),
    ],
    ids=["both run", "it had ended well", "it was never killed", "killed after the next began",
         "another was killed", "begun long after its worker was killed", "frozen for less than a lease",
         "retried before it failed", "one token twice"],
)  # fmt: skip
def test_a_job_that_was_given_out_again_while_its_lease_was_held_is_doubled(attempts, strikes):
    assert Judge(strikes).count(attempts) == {Overtaken.DOUBLED: 1}


def test_a_job_that_ran_once_is_no_news():
    assert Judge([kill(PID, 5)]).count([attempt(1, 1, 2)]) == {}


def test_the_wait_of_a_job_that_was_cut_off_is_counted_from_the_kill():
    assert Judge([kill(PID, 2)]).recoveries([attempt(1, 1), attempt(2, 5, 6, pid=OTHER)]) == [3.0]


def test_the_witness_tells_begins_ends_and_failures(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with effect("r", 1, "ended", 5, 1):
        pass
    with pytest.raises(ValueError, match="as meant"), effect("r", 2, "failed", 6, 1):
        raise ValueError("as meant")
    with pytest.raises(SystemExit), effect("r", 3, "cut", 7, 2):
        raise SystemExit
    told = {each.task_id: each for each in read(place("r"))}
    assert [(each.ended is not None, each.failed) for each in told.values()] == [
        (True, False), (True, True), (False, False),
    ]  # fmt: skip
    assert (told["cut"].serial, told["cut"].token, told["cut"].attempt) == (3, 7, 2)
