"""A page's calls, made for real: each `curl` of a page is run, and must print what the page shows.

The ids and instants of a page stand for others, each id for one. `…` in an answer stands for anything.
What is asked with GET is asked again until the answer is the page's, as a reader would do.
"""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

PUBLISHED = "http://localhost:8001"
"""Where the pages say that the API is."""
SECONDS = 15
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")


class Player:
    """Makes a page's calls one after another, in one directory."""

    def __init__(self, api: str, directory: Path) -> None:
        self._api = api
        self._directory = directory
        self._ids: dict[str, str] = {}
        """The page's ids, and what they stand for."""

    def play(self, command: str, shown: str) -> None:
        """Make a call; fails where its answer is not the one that the page shows."""
        asks = not re.search(r" -X |--request| -d | --data", command)
        until = time.monotonic() + SECONDS
        while not self._fits(shown, answer := self._run(command)):
            assert asks, f"{command}\nshown:    {shown}\nanswered: {answer}"
            assert time.monotonic() < until, f"{command}\nshown:    {shown}\nanswered: {answer}"
            time.sleep(0.05)

    def _run(self, command: str) -> str:
        ran = subprocess.run(
            ["bash", "-c", self._here(command).replace("curl ", "curl --no-progress-meter ")],
            cwd=self._directory, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert ran.returncode == 0, f"{command}: {ran.stderr}"
        return ran.stdout.replace("\r", "").strip()

    def _here(self, text: str) -> str:
        """A text of the page with the addresses and ids of this run."""
        text = text.replace(PUBLISHED, self._api)
        return _ID.sub(lambda found: self._ids.get(found[0], found[0]), text)

    def _fits(self, shown: str, answer: str) -> bool:
        wanted = self._here(shown)
        try:
            return self._alike(json.loads(wanted), json.loads(answer))
        except json.JSONDecodeError:
            pattern = ".*".join(map(re.escape, wanted.split("…")))
            return re.fullmatch(pattern, answer, re.DOTALL) is not None

    def _alike(self, shown: Any, given: Any) -> bool:
        match shown, given:
            case dict(), dict():
                return shown.keys() == given.keys() and all(self._alike(shown[k], given[k]) for k in shown)
            case list(), list():
                return len(shown) == len(given) and all(map(self._alike, shown, given))
            case str(), str():
                return shown in (given, "…") or self._stands_for(shown, given)
        return bool(shown == given)

    def _stands_for(self, shown: str, given: str) -> bool:
        if _INSTANT.fullmatch(shown):
            return _INSTANT.fullmatch(given) is not None
        if _ID.fullmatch(shown) and _ID.fullmatch(given) and shown not in self._ids.values():
            return self._ids.setdefault(shown, given) == given
        return False
