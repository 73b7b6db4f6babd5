"""A database that takes connections and says nothing: it holds up no clock, no lease and no fork."""

import socket

from tests.workers import eventually, running_worker, seconds


def test_while_the_database_hangs_jobs_come_due_and_dead_processes_are_replaced(valkey_url, platform):
    platform.ledger._redis.sadd("tb:rubbish", "a job that is gone\n7")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://nobody@127.0.0.1:{silent.getsockname()[1]}/nothing?connect_timeout=0"
        with running_worker(valkey_url, concurrency=1, DATABASE_URL=url) as worker:
            silent.settimeout(20)
            relay, _ = silent.accept()
            with relay:
                before = worker.children()
                later = platform.submit("echo", '{"value": 1}', delay=seconds(1))
                assert platform.value(later, 10) == 1
                assert platform.value(platform.submit("die", '{"attempts": 1}'), 15) == 2
                assert eventually(lambda: worker.children() != before)
                assert "keeper.no_ledger" not in worker.log
