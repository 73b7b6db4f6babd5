"""What is said in two places is said alike: pins of tools, and the commands of the services."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

from jobs.up import services

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "docker-compose.yml").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WORKER = "celery -A djangoNinja worker --loglevel=info -c 4"


def only(pattern: str, text: str) -> str:
    """What the pattern's group matches, the same wherever it matches."""
    (found,) = set(re.findall(pattern, text, re.MULTILINE))
    return str(found)


def test_the_image_is_built_with_the_uv_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    assert only(r"UV_VERSION=(\S+)$", DOCKERFILE) == only(r"^UV_VERSION := (\S+)$", makefile)


def test_the_image_is_labelled_as_the_project_is():
    project = PROJECT["project"]
    assert only(r"^ARG VERSION=(\S+)$", DOCKERFILE) == project["version"]
    assert only(r'image\.title="(.*?)"', DOCKERFILE) == project["name"]
    assert only(r'image\.description="(.*?)"', DOCKERFILE) == project["description"]


def test_the_image_has_the_python_that_the_code_is_checked_with():
    python = (ROOT / ".python-version").read_text().strip()
    assert only(r"^FROM python:([\d.]+)-", DOCKERFILE) == python
    assert PROJECT["project"]["requires-python"].startswith(f">={python},")


def test_the_worker_is_started_by_one_command_everywhere():
    words = shlex.split(WORKER)
    assert [Path(services.worker().argv[0]).name, *services.worker().argv[1:]] == words
    assert f"command: [{', '.join(f'"{word}"' for word in words)}]" in COMPOSE
    assert WORKER in (ROOT / "Makefile").read_text()


def test_the_dockerfile_needs_no_other_image_than_its_base():
    assert "# syntax=" not in DOCKERFILE
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"python:3.13-slim-trixie"}


def test_the_dockerfile_has_no_fault_that_hadolint_knows():
    linter = Path(sys.executable).with_name("hadolint")
    told = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "")


def test_signals_reach_the_server_and_no_shell():
    assert re.findall(r"^(?:CMD|ENTRYPOINT) (.)", DOCKERFILE, re.MULTILINE) == ["["]
