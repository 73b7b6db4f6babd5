"""The Makefile, and what is written about it."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_make_alone_lists_the_commands():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make ([a-z-]+) ", listed, re.MULTILINE)) == TARGETS - {"fmt-check"}


def test_no_command_is_mistaken_for_a_file():
    declared = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
    assert declared
    assert set(declared[1].replace("\\\n", " ").split()) == TARGETS


@pytest.mark.parametrize("page", [page for page in PAGES if page.exists()], ids=lambda page: page.name)
def test_every_command_in_the_docs_exists(page):
    blocks = re.findall(r"```.*?```|`[^`\n]+`", page.read_text(), re.DOTALL)
    named = {target for block in blocks for target in re.findall(r"\bmake ([a-z][a-z-]*)", block)}
    assert named <= TARGETS
