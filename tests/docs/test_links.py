"""The documentation's pages lead to each other, and nowhere else."""

import re

import pytest

from tests.docs.pages import ROOT, Page, all_pages, page

PAGES = all_pages()
WIDTH = 110


@pytest.mark.parametrize("each", PAGES, ids=lambda each: each.name)
def test_every_link_leads_somewhere(each):
    for link in each.links():
        target, _, anchor = link.partition("#")
        there = Page((each.path.parent / target).resolve()) if target else each
        assert there.path.is_file(), link
        assert ROOT in there.path.parents, link
        assert not anchor or anchor in there.anchors(), link


def test_every_page_is_in_the_index():
    index, runbooks = page("docs/README.md"), page("docs/runbooks/README.md")
    linked = {(index.path.parent / link).resolve() for link in index.links()}
    assert runbooks.path in linked
    # It has an index of its own; tests/monitoring holds it to the alerts.
    linked |= set(runbooks.path.parent.glob("*.md"))
    assert {path for path in (ROOT / "docs").rglob("*.md") if path != index.path} == linked


@pytest.mark.parametrize("each", PAGES, ids=lambda each: each.name)
def test_prose_is_wrapped(each):
    """Tables and code stand as they are."""
    long = [line for line in each.prose.splitlines() if len(line) > WIDTH and not line.startswith("|")]
    assert long == []


@pytest.mark.parametrize("each", PAGES, ids=lambda each: each.name)
def test_a_page_has_one_title_and_closes_its_blocks(each):
    assert each.text.startswith("# ")
    assert len(re.findall(r"^# ", each.prose, re.MULTILINE)) == 1
    assert "```" not in each.prose
