"""What a job costs in Redis's memory."""

import pytest

from tests.integration.a_job import DONE, a_job
from tests.redises import Server

JOBS = 5_000
WAITING_BYTES, FINISHED_BYTES = 700, 1_100


def used(server: Server) -> int:
    return int(server.raw.info("memory")["used_memory"])


def test_a_waiting_job_takes_at_most_700_bytes_and_a_finished_one_1100(server, ledger, new_holder, capsys):
    holder = new_holder("holder")
    assert holder.claim("celery") is None  # the scripts, the connections and the tasks known are there
    empty = used(server)
    for _ in range(JOBS):
        ledger.submit(a_job())
    waiting = (used(server) - empty) / JOBS
    job = holder.claim("celery")
    while job:
        job = holder.finish(job, DONE, claim_from="celery").next
    finished = (used(server) - empty) / JOBS
    with capsys.disabled():
        print(f"\nbytes a job: {waiting:.0f} waiting, {finished:.0f} finished")  # noqa: T201 - the figures are the point
    assert ledger.counts("celery").success == JOBS
    assert waiting <= WAITING_BYTES
    assert finished <= FINISHED_BYTES


@pytest.mark.parametrize("length", [60, 5_000])
def test_a_waiting_job_takes_little_more_than_700_bytes_and_its_arguments(server, ledger, length):
    ledger.submit(a_job())
    empty = used(server)
    for _ in range(1_000):
        ledger.submit(a_job(arguments='{"data":"' + "x" * length + '"}'))
    assert (used(server) - empty) / 1_000 <= WAITING_BYTES + 300 + 1.25 * length
