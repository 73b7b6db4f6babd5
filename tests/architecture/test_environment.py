"""Who may read the environment: `project/environment.py`, and what runs outside Django."""

import re
from pathlib import Path

APP = Path(__file__).resolve().parents[2] / "app"
READERS = {
    "project/environment.py",
    # They name the settings module before Django can be asked for a setting.
    "djangoNinja.py",
    "manage.py",
    "project/asgi.py",
    "project/wsgi.py",
    # Servers' own configuration files.
    "flowerconfig.py",
    "gunicorn.conf.py",
    # They make the environment that the services' settings read.
    "jobs/chaos/plan.py",
    "jobs/up/log.py",
    "jobs/up/plan.py",
    # It starts without Django, in milliseconds.
    "probe.py",
}


def reads_the_environment(path: Path) -> bool:
    source = path.read_text()
    return bool(re.search(r"\bos\.(environ|getenv)\b|from os import .*(environ|getenv)", source))


def test_only_the_settings_read_the_environment():
    found = {str(path.relative_to(APP)) for path in APP.rglob("*.py") if reads_the_environment(path)}
    assert found <= READERS
