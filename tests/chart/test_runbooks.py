"""What the runbooks' commands name is what the chart makes."""

import re

import pytest

from tests.chart.rendering import Manifest, pods, render
from tests.docs.pages import all_pages

pytestmark = pytest.mark.chart
RUNBOOKS = [page for page in all_pages() if page.name.startswith("docs/runbooks/")]
SAID = sorted({command for page in RUNBOOKS for command, _ in page.commands()})
COMMANDS = [command for command in SAID if command.startswith("kubectl ")]
UPGRADES = [command for command in SAID if command.startswith("helm upgrade ")]


@pytest.fixture(scope="module")
def made() -> list[Manifest]:
    return render()


def test_the_runbooks_have_commands():
    assert COMMANDS
    assert UPGRADES
    assert [page.name for page in RUNBOOKS if not page.commands()] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_an_object_that_a_command_names_is_made_by_the_chart(made, command):
    there = {f"{each['kind'].lower()}/{each['metadata']['name']}" for each in made}
    named = re.findall(r" ((?:deployment|statefulset|service)/[a-z-]+)", command)
    named += [f"apiservice/{name}" for name in re.findall(r" apiservice (\S+)", command)]
    # The adapter makes the APIService itself: the chart says which it may change.
    assert {each for each in named if not each.startswith("apiservice/")} <= there
    rights = str([each.get("rules") for each in made])
    assert all(each.removeprefix("apiservice/") in rights for each in named if each.startswith("apiservice/"))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_selector_of_a_command_finds_pods_of_the_chart(made, command):
    labels = [pod["metadata"]["labels"].items() for pod in pods(made).values()]
    for name, value in re.findall(r"--selector (\S+)=(\S+)", command):
        assert any((name, value) in each for each in labels)


@pytest.mark.parametrize("command", UPGRADES)
def test_a_value_that_an_upgrade_sets_is_one_that_the_chart_takes(command):
    """Its schema refuses what it does not know."""
    given = re.findall(r"--set (\S+)", command)
    assert given
    render(*(part for each in given for part in ("--set", each)))
