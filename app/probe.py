"""Tells whether the worker beside it is alive, and ready: `python3 -I -S /app/probe.py alive --within 30`.

For the exec probes of containers, which start it every few seconds: so it imports next to nothing. It exits
with 0, or with 1 and one line that says what is wrong. The worker's side is `jobs/worker/health.py`.
"""

import os
import sys
import time

USAGE = "probe.py [alive] [ready] [--within SECONDS]"
WITHIN_SECONDS = 30.0


def fault(state: str, directory: str, within: float) -> str:
    """What is wrong with this state; nothing where nothing is."""
    try:
        touched = os.stat(f"{directory}/{state}").st_mtime  # noqa: PTH116 - pathlib takes longer than the rest
    except OSError as error:
        return f"{state}: {directory}/{state}: {error.strerror}"
    age = time.time() - touched
    if state == "alive" and abs(age) > within:  # a clock that is set leaves it ahead for a second
        return f"alive: {age:.0f} s old"
    return ""


def main(words: list[str]) -> str:
    """What is wrong, in one line; nothing where all is well."""
    within = WITHIN_SECONDS
    try:
        if "--within" in words:
            at = words.index("--within")
            within = float(words[at + 1])
            words = words[:at] + words[at + 2 :]
    except (IndexError, ValueError):
        return f"usage: {USAGE}"
    if not words or not {"alive", "ready"}.issuperset(words):
        return f"usage: {USAGE}"
    directory = os.environ.get("JOBS_HEALTH_DIR", "")
    if not directory:
        return f"{words[0]}: JOBS_HEALTH_DIR is not set"
    return next(filter(None, (fault(word, directory, within) for word in words)), "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or None)
