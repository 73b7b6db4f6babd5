"""Celery's own integration suite does in the platform's worker what `expected.toml` says of each test."""

import sys
from importlib.metadata import version

import pytest

from tests.celery_suite import expected
from tests.celery_suite.run import MODES, tried
from tests.workers import ROOT


def test_the_suite_is_that_of_the_celery_that_is_installed():
    assert expected.read().version == version("celery")


def test_every_reason_is_somebody_s():
    told = expected.read()
    named = {verdict.partition(": ")[2] for test in told.tests.values() for verdict in test.values()} - {""}
    assert named == set(told.reasons)


def test_the_documentation_shows_the_counts():
    page = (ROOT / "docs" / "reference" / "celery-compatibility.md").read_text()
    assert expected.table(expected.read()) in page


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mode", MODES)
def test_celery_s_own_suite_does_what_is_expected_of_it(mode, capsys):
    told = expected.read()
    with capsys.disabled():
        outcomes = tried(mode, told)
        sys.stdout.write(f"\nCelery's integration suite, {mode}: {expected.counts(outcomes)}\n")
    assert told.differences(mode, outcomes) == []
