"""The limits of the house style that no linter holds."""

import ast
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES = 300
FUNCTION_LINES = 40
DRAWERS = {"base", "common", "helpers", "misc", "utils"}
SOURCES = [
    path
    for top in ("app", "bench", "tests")
    for path in sorted((ROOT / top).rglob("*.py"))
    if path.parent.name != "migrations"  # Django writes those
]
SCRIPTS = sorted((ROOT / "app").rglob("*.lua"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Its lines from `def` to the end, less its docstring: a contract told in full costs nothing."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) and first.end_lineno:
        lines -= first.end_lineno - first.lineno + 1
    return lines


@pytest.mark.parametrize("path", SOURCES + SCRIPTS, ids=named)
def test_a_file_has_at_most_300_lines(path):
    assert len(path.read_text().splitlines()) <= FILE_LINES


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_function_has_at_most_40_lines(path):
    assert [
        f"{each.name}: {code_lines(each)}" for each in functions(path) if code_lines(each) > FUNCTION_LINES
    ] == []


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_module_says_what_it_owns(path):
    source = path.read_text()
    assert not source.strip() or ast.get_docstring(ast.parse(source))


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_module_has_a_name_of_its_own(path):
    assert DRAWERS.isdisjoint(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", SCRIPTS, ids=named)
def test_a_script_opens_with_its_keys_arguments_and_return(path):
    """What several share has none of these, and says to which it is prefixed."""
    lines = path.read_text().splitlines()
    code = lines[1:] if lines[0].startswith("#!") else lines
    opening = "\n".join(takewhile(lambda line: line.startswith("--"), code))
    assert opening.startswith("-- Prefixed to ") or re.search(
        r"^-- KEYS: .*^-- ARGV: .*^-- Returns ", opening, re.MULTILINE | re.DOTALL
    )
