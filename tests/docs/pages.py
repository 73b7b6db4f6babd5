"""The documentation's pages, as the tests read them: blocks of code, links, headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CONTINUED = re.compile(r"\\\n\s*")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str

    def commands(self) -> Iterator[tuple[str, str]]:
        """Each command of a shell block, with the answer that the page shows; '' for none."""
        text = _CONTINUED.sub("", self.text)
        if self.language == "sh":
            for line in text.splitlines():
                if line and not line.startswith("#"):
                    yield line, ""
        elif self.language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, answer = part.partition("\n")
                yield command, answer.strip()


@dataclass(frozen=True)
class Page:
    """A Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def prose(self) -> str:
        """The text without its blocks of code."""
        return _BLOCK.sub("", self.text)

    def blocks(self, *languages: str) -> list[Block]:
        found = [Block(language, text) for language, text in _BLOCK.findall(self.text)]
        return [block for block in found if block.language in languages or not languages]

    def commands(self) -> list[tuple[str, str]]:
        return [command for block in self.blocks("sh", "console") for command in block.commands()]

    def links(self) -> list[str]:
        """Where the page's links lead, but for those to other sites."""
        found = re.findall(r"\]\(([^)\s]+)\)", self.prose)
        return [link for link in found if not link.startswith(("http://", "https://"))]

    def anchors(self) -> set[str]:
        """What a link to a part of this page may end with, as GitHub makes it from the headings."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def table(self, heading: str = "") -> list[list[str]]:
        """The cells of the first table below a heading, without its head."""
        below = self.text[self.text.index(heading) :]
        found = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
        assert found, f"{self.name}: no table below {heading!r}"
        rows = found[0].splitlines()[2:]
        return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def page(name: str) -> Page:
    """A page by its path from the root."""
    return Page(ROOT / name)


def all_pages() -> list[Page]:
    """README and its neighbours, and everything below `docs/`."""
    top = [page(name) for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    return [*top, *map(Page, sorted((ROOT / "docs").rglob("*.md")))]
