"""What each of the suite's tests must do, read from `expected.toml`, and how a run differs from it."""

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("expected.toml")
PASSES, SKIPS, CANNOT, EITHER = "passes", "skips", "cannot", "either"


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The file, whole."""

    version: str
    reasons: Mapping[str, str]
    tests: Mapping[str, Mapping[str, str]]
    """For each test of each file, `file::test`, what it must do in each mode."""

    @property
    def files(self) -> list[str]:
        """The files of the suite that are run."""
        return sorted({name.partition("::")[0] for name in self.tests})

    def differences(self, mode: str, outcomes: Mapping[str, str]) -> list[str]:
        """A line for each test that does not do what the file says, in either direction."""
        lines = []
        for name in sorted(set(self.tests) | set(outcomes)):
            verdict = self.tests[name][mode] if name in self.tests else "nothing of it"
            found = _word(outcomes[name]) if name in outcomes else "is absent"
            if not verdict.startswith(EITHER) and found != verdict.partition(":")[0]:
                lines.append(
                    f"{name} ({mode}): {FILE.name} says {verdict}; it {found}\n{outcomes.get(name, '')}"
                )
        return lines

    def failed(self, mode: str, outcomes: Mapping[str, str]) -> list[str]:
        """The tests that ran, were to pass, and did not."""
        return [
            name for name, outcome in sorted(outcomes.items())
            if self.tests.get(name, {}).get(mode) == PASSES and _word(outcome) != PASSES
        ]  # fmt: skip


def read() -> Expected:
    """The file, checked: every reason that it names is there.

    Raises:
        KeyError: a reason is named that is not there.
    """
    told = tomllib.loads(FILE.read_text())
    tests = {
        f"{file}::{name}": verdict if isinstance(verdict, dict) else {"message": verdict, "ledger": verdict}
        for file, verdicts in told["files"].items()
        for name, verdict in verdicts.items()
    }
    for verdicts in tests.values():
        for verdict in verdicts.values():
            if reason := verdict.partition(": ")[2]:
                told["reasons"][reason]
    return Expected(version=told["celery"], reasons=told["reasons"], tests=tests)


def table(told: Expected) -> str:
    """What the file says, counted, as the documentation shows it."""
    lines = ["| | by message | into the ledger |", "|---|---|---|"]
    verdicts = {mode: Counter(test[mode] for test in told.tests.values()) for mode in ("message", "ledger")}
    kinds = {PASSES: "pass", SKIPS: "skipped by the suite itself"}
    for reason, why in told.reasons.items():
        kinds |= {f"{CANNOT}: {reason}": f"cannot: {why}", f"{EITHER}: {reason}": f"pass or not: {why}"}
    for verdict, shown in kinds.items():
        numbers = [verdicts[mode][verdict] for mode in ("message", "ledger")]
        if any(numbers):
            lines.append(f"| {shown} | {numbers[0]} | {numbers[1]} |")
    return "\n".join(lines)


def counts(outcomes: Mapping[str, str]) -> str:
    """How many tests passed, cannot pass, and were skipped by the suite itself."""
    found = Counter(_word(outcome) for outcome in outcomes.values())
    return f"{found[PASSES]} pass, {found[CANNOT]} cannot, {found[SKIPS]} skipped by the suite"


def _word(outcome: str) -> str:
    return {"passed": PASSES, "skipped": SKIPS}.get(outcome, CANNOT)
