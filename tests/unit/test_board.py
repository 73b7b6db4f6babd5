"""The board's slots: what they show, and that what is raised in a thread comes in time or never."""

import itertools
import random
import sys
import threading

import pytest
from celery.exceptions import SoftTimeLimitExceeded

import djangoNinja  # noqa: F401 - sets Django up
from jobs.worker.board import Board

INTERRUPTS = 1000
HOLDERS = 3


@pytest.fixture
def hurried():
    """Threads that take turns a thousand times as often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


class Attempts(threading.Thread):
    """A holder at short attempts, and what came of them."""

    def __init__(self, board):
        super().__init__()
        self.board = board
        self.chance = random.Random()
        self.interrupted = self.completed = self.escaped = 0

    def run(self):
        slot = self.board.free_slot("holder")
        for token in itertools.count(1):
            if self.interrupted >= INTERRUPTS:
                return
            try:
                self.attempt(slot, token)
                self.keep_books()
            except SoftTimeLimitExceeded:
                self.escaped += 1

    def attempt(self, slot, token):
        """As the tracer runs one."""
        try:
            try:
                slot.begin(token, "job", "task", 1e-9, 0)
                self.work(slot, token)
            finally:
                slot.end()
        except SoftTimeLimitExceeded:
            self.interrupted += 1
        else:
            self.completed += 1
        finally:
            slot.end()

    def work(self, slot, token):
        """The task's function: it ends at any time, or when the interruption is just about to come.

        A function of its own: CPython 3.13 raises at a loop's jump back, and that is in no `try`.
        """
        left = self.chance.randrange(300)
        while left and slot.soft != token:
            left -= 1

    def keep_books(self):
        for _ in range(20):
            self.board.stopping  # noqa: B018 - bytecodes where an exception could come


def test_what_is_raised_in_an_attempt_never_comes_after_its_end(hurried):
    board = Board(in_threads=True)
    holders = [Attempts(board) for _ in range(HOLDERS)]
    for holder in holders:
        holder.start()
    while any(holder.is_alive() for holder in holders):
        for slot, running in board.slots():
            if running.token and slot.soft != running.token:
                slot.interrupt(running, SoftTimeLimitExceeded)
    assert [holder.escaped for holder in holders] == [0] * HOLDERS
    assert all(holder.completed for holder in holders)
    assert {(slot.token, slot.soft) for slot, _ in board.slots()} == {(0, 0)}


def test_a_thread_that_is_past_its_attempt_is_not_interrupted():
    board = Board(in_threads=True)
    slot = board.free_slot("holder")
    slot.begin(7, "job", "task", 1, 0)
    (_, running), *_ = board.slots()
    slot.end()
    slot.begin(8, "other", "task", 1, 0)
    assert not slot.interrupt(running, SoftTimeLimitExceeded)


def test_a_slot_shows_ids_of_every_length_and_alphabet():
    board = Board(in_threads=False)
    slot = board.free_slot("holder")
    for job_id in ("a", "ж" * 255, "😀" * 255):
        slot.begin(7, job_id, "task", 0, 0)
        assert [(running.token, running.job_id) for _, running in board.slots()] == [(7, job_id)]
