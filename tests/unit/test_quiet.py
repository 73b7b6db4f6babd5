"""A fork while other threads are at work."""

import io
import logging
import os
import signal
import threading
from collections.abc import Iterator

import pytest

import jobs.quiet  # noqa: F401 - it has its say in every fork


class Slow(io.RawIOBase):
    """A file whose first write takes until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.let_go = threading.Event()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.entered.set()
        self.let_go.wait()
        return len(bytes(data))  # type: ignore[call-overload]


@pytest.fixture
def file() -> Iterator[Slow]:
    """Where a logger writes to."""
    slow = Slow()
    stream = io.TextIOWrapper(io.BufferedWriter(slow), line_buffering=True)
    handler = logging.StreamHandler(stream)
    logging.getLogger("test.quiet").addHandler(handler)
    yield slow
    slow.let_go.set()
    logging.getLogger("test.quiet").removeHandler(handler)


def test_a_process_that_was_forked_while_a_thread_wrote_a_log_can_write_one(file):
    logger = logging.getLogger("test.quiet")
    writer = threading.Thread(target=logger.warning, args=("a line",))
    writer.start()
    file.entered.wait()
    # Only a fork that waits for the line is past it.
    threading.Timer(0.2, file.let_go.set).start()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # pytest's own would raise, which no lock hears
        signal.alarm(10)
        logger.warning("a line of its own")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    writer.join()


def test_a_fork_does_not_wait_for_a_log_that_nobody_reads(file):
    logger = logging.getLogger("test.quiet")
    writer = threading.Thread(target=logger.warning, args=("a line",))
    writer.start()
    file.entered.wait()
    child = os.fork()
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert not file.let_go.is_set()
    file.let_go.set()
    writer.join()
    logger.warning("the parent's handlers are free again")
