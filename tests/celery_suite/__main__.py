"""`python -m tests.celery_suite [message] [ledger] [-- options of pytest]`, from the repository's root."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "app"))

from tests.celery_suite import expected
from tests.celery_suite.run import MODES, tried


def main(arguments: list[str]) -> int:
    """Run the suite; 1 where a test does not do what `expected.toml` says."""
    before, _, after = " ".join(arguments).partition("--")
    told, differences = expected.read(), []
    for mode in before.split() or MODES:
        outcomes = tried(mode, told, after.split())
        sys.stdout.write(f"{mode}: {expected.counts(outcomes)}\n")
        differences += told.differences(mode, outcomes)
    sys.stdout.write("\n".join([*differences, ""]) or "as expected.toml says\n")
    return 1 if differences else 0


sys.exit(main(sys.argv[1:]))
