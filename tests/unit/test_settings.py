"""What stops a start: the literal commands, each with one line that says what is wrong."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.conf import Settings
from project.settings import JOBS_VARIABLES
from tests.servers import APP, environment

COMMANDS = {
    "manage.py": ["manage.py", "check"],
    "gunicorn": ["-m", "gunicorn", "--bind", "127.0.0.1:0"],
    "celery": ["-m", "celery", "-A", "djangoNinja", "worker", "--loglevel=info", "-c", "1"],
}
SECRETS = ["REDIS_URL", "CELERY_BROKER_URL", "DATABASE_URL", "SECRET_KEY", "REDIS_PASSWORD"]
NOWHERE = "redis://127.0.0.1:1/0"


def start(command: str, **env: str) -> subprocess.CompletedProcess[str]:
    full = {name: value for name, value in (environment(NOWHERE) | env).items() if value}
    return subprocess.run(
        [sys.executable, *COMMANDS[command]],
        cwd=APP,
        env=full,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_stopped(ended: subprocess.CompletedProcess[str], *words: str) -> None:
    assert ended.returncode == 1
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("taskbell: ")
    for word in words:
        assert word in lines[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_result_backend_apart_from_the_jobs_stops_the_start(command):
    ended = start(command, CELERY_RESULT_BACKEND="redis://elsewhere:6379/3")
    assert_stopped(ended, "CELERY_RESULT_BACKEND", "same as CELERY_BROKER_URL")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_task_declared_wrongly_stops_the_start_by_file_and_line(command, tmp_path):
    package = tmp_path / "wrong"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "mine.py").write_text("from jobs import task\n\n\n@task\ndef wrong(value) -> None: ...\n")
    ended = start(command, PYTHONPATH=str(tmp_path), JOBS_TASK_PACKAGES="tasks,wrong")
    assert_stopped(ended, "wrong/mine.py:4: ", "task wrong", "parameter 'value' has no annotation")


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        ("JOBS_LEASE_SECONDS", "soon", "not a number of seconds"),
        ("JOBS_LEASE_SECONDS", "1", "greater than or equal to"),
        ("JOBS_RESULT_TTL_SECONDS", "nan", "not a number of seconds"),
        ("JOBS_RESULT_TTL_SECONDS", "-1", "greater than"),
        ("JOBS_FAILURE_TTL_SECONDS", "1e30", "not a number of seconds"),
        ("JOBS_SHUTDOWN_SECONDS", "-1", "greater than or equal to"),
        ("JOBS_SHUTDOWN_SECONDS", "drain", "not a number of seconds"),
        ("JOBS_BODY_LIMIT_BYTES", "10 MB", "valid integer"),
        ("JOBS_INLINE_RESULT_BYTES", "-1", "greater than or equal to 0"),
        ("JOBS_STORED_RESULT_BYTES", "64 MiB", "valid integer"),
        ("DATABASE_URL", "None", "is unknown"),
        ("JOBS_RECORD_FORMAT", "3", "less than or equal to 2"),
        ("JOBS_PREFIX", "a b", "match"),
        ("JOBS_WORKER_METRICS_PORT", "0", "greater than or equal to 1"),
        ("JOBS_TASK_PACKAGES", "nowhere", "'nowhere'"),
        ("REDIS_URL", "amqp://elsewhere", "redis://"),
        ("CELERY_BROKER_URL", "redis:6379", "redis://"),
        ("REDIS_URL", "sentinel://a:26379,b:26379", "names no master"),
        ("REDIS_URL", "sentinel://a:26379,b:port/mymaster", "b:port is no host:port"),
        ("REDIS_URL", "sentinel://a:26379,/mymaster", "nothing is no host:port"),
        ("REDIS_URL", "sentinel://a/mymaster/first", "first is no number"),
        ("REDIS_URL", "sentinel://a/mymaster?db=1", "no options"),
        ("REDIS_SENTINEL_PASSWORD", "p", "REDIS_URL is no sentinel:// address"),
        ("CELERY_RESULT_BACKEND", "db+sqlite://", "CELERY_BROKER_URL"),
        ("DATABASE_URL", "nosuch://host/db", "nosuch://"),
        ("DEBUG", "maybe", "neither true nor false"),
        ("LOG_LEVEL", "LOUD", "none of"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_by_its_variable(variable, value, fault):
    assert_stopped(start("manage.py", **{variable: value}), variable.removeprefix("JOBS_TASK_"), fault)


@pytest.mark.parametrize("variable", SECRETS)
def test_a_secrets_file_that_cannot_be_used_is_named_by_its_variable(variable, tmp_path):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name, fault in {
        "nowhere": "no such file", "/": "directory", "empty": "is empty", "binary": "is no UTF-8",
    }.items():  # fmt: skip
        ended = start("manage.py", **{variable: "", f"{variable}_FILE": str(tmp_path / name)})
        assert_stopped(ended, f"{variable}_FILE", name, fault)


@pytest.mark.parametrize("variable", SECRETS)
def test_a_secret_that_is_given_twice_stops_the_start(variable, tmp_path):
    (tmp_path / "secret").write_text("redis://h")
    ended = start("manage.py", **{variable: "redis://h", f"{variable}_FILE": str(tmp_path / "secret")})
    assert_stopped(ended, f"{variable}: ", f"{variable}_FILE", "one of them")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("url", ["redis://:mine@127.0.0.1:1/0", "redis://me@127.0.0.1:1/0"])
def test_a_password_that_the_address_has_too_stops_the_start(command, url):
    ended = start(command, REDIS_URL=url, REDIS_PASSWORD="yours")
    assert_stopped(ended, "REDIS_PASSWORD: ", "REDIS_URL has a user or a password of its own")
    assert "mine" not in ended.stderr
    assert "yours" not in ended.stderr


def test_a_user_without_a_password_stops_the_start():
    assert_stopped(start("manage.py", REDIS_USERNAME="me"), "REDIS_USERNAME: ", "needs REDIS_PASSWORD")


@pytest.mark.parametrize(
    ("url", "content", "fault"),
    [
        ("redis://h", "", "REDIS_URL is no rediss:// address"),
        ("rediss://h", "no certificate", "holds no certificate"),
        ("rediss://h", None, "No such file"),
    ],
)
def test_a_ca_that_cannot_be_used_stops_the_start(url, content, fault, tmp_path):
    if content is not None:
        (tmp_path / "ca").write_text(content)
    ended = start("manage.py", REDIS_URL=url, REDIS_CA_FILE=str(tmp_path / "ca"))
    assert_stopped(ended, "REDIS_CA_FILE: ", fault)


def test_a_port_that_is_no_number_stops_the_start():
    assert_stopped(start("gunicorn", PORT="http"), "PORT")


def test_every_default_may_be_given_as_text():
    """A variable of the environment is text: a setting whose type takes none could not be set."""
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    given = {
        variable: str(value.total_seconds() if isinstance(value, timedelta) else value)
        for name, variable in JOBS_VARIABLES.items()
        if isinstance(value := defaults[name], int | float | str | timedelta)
    }
    assert {"JOBS_RECORD_FORMAT", "JOBS_LEASE_SECONDS", "JOBS_MEMORY_GUARD"} <= given.keys()
    ended = start("manage.py", **given)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("env", "expression", "value"),
    [
        ({}, "JOBS", "{'REDIS_URL': 'redis://127.0.0.1:1/0'}"),
        ({"REDIS_URL": ""}, "CELERY_BROKER_URL", "'redis://redis:6379/0'"),
        ({"REDIS_URL": ""}, "CELERY_RESULT_BACKEND", "'redis://redis:6379/0'"),
        ({"CELERY_BROKER_URL": "redis://b/1"}, "CELERY_BROKER_URL", "'redis://b/1'"),
        ({"CELERY_BROKER_URL": "redis://b/1"}, "CELERY_RESULT_BACKEND", "'redis://b/1'"),
        ({"CELERY_BROKER_URL": "redis://b/1"}, "JOBS", "{'REDIS_URL': 'redis://b/1'}"),
        ({}, "CELERY_ACCEPT_CONTENT, CELERY_TASK_SERIALIZER", "(['json'], 'json')"),
        ({"JOBS_LEASE_SECONDS": "12.5"}, "JOBS['LEASE'].total_seconds()", "12.5"),
        ({"JOBS_SHUTDOWN_SECONDS": "50"}, "JOBS['SHUTDOWN'].total_seconds()", "50.0"),
        ({"JOBS_HEALTH_DIR": "/tmp/health"}, "JOBS['HEALTH_DIR']", "'/tmp/health'"),
        ({"JOBS_SHUTDOWN_SECONDS": ""}, "'SHUTDOWN' in JOBS", "False"),
        ({"JOBS_BODY_LIMIT_BYTES": "1000"}, "DATA_UPLOAD_MAX_MEMORY_SIZE", "1000"),
        ({"REDIS_URL": "sentinel://a,b/m"}, "CELERY_RESULT_BACKEND", "'sentinel://a,b/m'"),
        ({"DEBUG": "1"}, "DEBUG", "True"),
        ({"ALLOWED_HOSTS": "a.example,b.example"}, "ALLOWED_HOSTS", "['a.example', 'b.example']"),
        ({"DATABASE_URL": "none"}, "DATABASES", "{'default': {'ENGINE': 'django.db.backends.dummy'}}"),
        ({"DATABASE_URL": ""}, "DATABASES['default']['NAME'].endswith('/.taskbell/db.sqlite3')", "True"),
        (
            {"DATABASE_URL": "postgres://u:p@h/d"},
            "DATABASES['default']['ENGINE']",
            "'django.db.backends.postgresql'",
        ),
    ],
)
def test_the_environment_overrides_a_setting(env, expression, value):
    full = {name: value for name, value in (environment(NOWHERE) | env).items() if value}
    program = f"from project.settings import *; print(repr(({expression})))"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=APP,
        env=full,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout.strip() == value


@pytest.mark.parametrize(
    ("variable", "content", "expression", "value"),
    [
        ("REDIS_URL", "redis://b/1\n", "CELERY_BROKER_URL", "'redis://b/1'"),
        ("CELERY_BROKER_URL", "redis://b/1", "JOBS['REDIS_URL']", "'redis://b/1'"),
        ("DATABASE_URL", "postgres://u:p@h/d\n", "DATABASES['default']['PASSWORD']", "'p'"),
        ("SECRET_KEY", " spaces stay \n", "SECRET_KEY", "' spaces stay '"),
        ("SECRET_KEY", "one\r\n", "SECRET_KEY", "'one'"),
    ],
)
def test_a_secret_may_be_the_content_of_a_file(variable, content, expression, value, tmp_path):
    (tmp_path / "secret").write_bytes(content.encode())
    env = {"REDIS_URL": "", variable: "", f"{variable}_FILE": str(tmp_path / "secret")}
    test_the_environment_overrides_a_setting(env, expression, value)


def test_a_changing_password_is_handed_on_as_its_file(tmp_path):
    (tmp_path / "password").write_text("first")
    env = {"REDIS_PASSWORD_FILE": f"{tmp_path}/password", "REDIS_USERNAME": "me"}
    settings = "JOBS['REDIS_PASSWORD_FILE'], JOBS['REDIS_USERNAME'], 'REDIS_PASSWORD' in JOBS"
    test_the_environment_overrides_a_setting(env, settings, f"('{tmp_path}/password', 'me', False)")


def test_api_and_workers_may_write_to_sqlite_at_once(tmp_path: Path):
    env = environment(NOWHERE, DATABASE_URL=f"sqlite:///{tmp_path}/db.sqlite3")
    look = (
        "from django.db import connection as c; print(*c.cursor().execute('PRAGMA journal_mode').fetchone())"
    )
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", look]
    ended = subprocess.run(command, cwd=APP, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.strip() == "wal"
