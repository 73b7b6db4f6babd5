"""`manage.py migrate` on a PostgreSQL that others migrate at the same time."""

import re
import subprocess
import sys

import psycopg
import pytest

from jobs.management.commands.migrate import LOCK
from tests.servers import APP, Running, environment


@pytest.fixture
def url(postgres):
    return postgres.url(postgres.new_database())


def migrating(url, *arguments):
    command = [sys.executable, "-u", "manage.py", "migrate", "--no-color", *arguments]
    return Running(
        command, "Another process|Running migrations", environment("redis://127.0.0.1:1/0", DATABASE_URL=url)
    )


def tables(url):
    with psycopg.connect(url) as connection:
        return {
            name
            for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        }


def test_four_at_once_on_a_fresh_database_all_succeed_and_one_of_them_does_it(url):
    running = [migrating(url) for _ in range(4)]
    assert [each.process.wait(60) for each in running] == [0] * 4
    assert tables(url) == {"django_migrations", "jobs_storedresult", "jobs_pendingsubmit"}
    for each in running:
        each._listening.join(10)
    said = "".join(line for each in running for line in each.lines)
    assert len(re.findall(r"Applying jobs\.0001", said)) == 1
    assert len(re.findall("No migrations to apply", said)) == 3


def test_it_waits_while_another_migrates_and_says_so(url):
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        waiting = migrating(url)
        waiting.wait_ready()
        assert "Another process migrates this database" in waiting.lines[-1]
        assert tables(url) == set()
        # It has no transaction open meanwhile, which would hold up CREATE INDEX CONCURRENTLY.
        busy = (
            "SELECT count(*) FROM pg_stat_activity WHERE pid != pg_backend_pid() AND backend_xmin IS NOT NULL"
        )
        assert other.execute(busy).fetchone() == (0,)
        other.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        assert waiting.process.wait(60) == 0
    assert "jobs_storedresult" in tables(url)


def test_a_look_waits_for_nobody(url):
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        for arguments, code in ((["--check"], 1), (["--plan"], 0)):
            assert migrating(url, *arguments).process.wait(60) == code
    assert tables(url) == set()


def test_once_migrated_check_is_content(url):
    assert migrating(url).process.wait(60) == 0
    assert migrating(url, "--check").process.wait(60) == 0


def test_one_that_fails_lets_the_next_go_on(url):
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("CREATE TABLE jobs_storedresult (wrong text)")
        failed = migrating(url)
        assert failed.process.wait(60) == 1
        other.execute("DROP TABLE jobs_storedresult")
    ended = subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"], cwd=APP, timeout=60, check=False,
        env=environment("redis://127.0.0.1:1/0", DATABASE_URL=url),
    )  # fmt: skip
    assert ended.returncode == 0
