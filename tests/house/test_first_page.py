"""What the first page promises is there: the two commands, the pages it links to, the licence, the changes.

Knows README, Makefile, CHANGELOG and pyproject as text. Does not run them.
"""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.house.source import ROOT

README = ROOT / "README.md"
COMMANDS = ("make demo", "make test")


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "LICENSE", "docs/DEPENDENCIES.md"])
def test_the_page_exists_and_says_something(page: str) -> None:
    assert (ROOT / page).read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_readme_are_targets(command: str) -> None:
    assert command in README.read_text(encoding="utf-8")
    assert re.search(
        rf"^{command.split()[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )


def test_every_make_command_that_a_page_names_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    pages = [README, *sorted((ROOT / "docs").rglob("*.md"))]
    named = {
        (page.name, t)
        for page in pages
        for t in re.findall(r"`make ([a-z]+)", page.read_text(encoding="utf-8"))
    }
    assert not {(page, target) for page, target in named if target not in targets}


def test_every_link_of_the_readme_leads_to_a_file() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README.read_text(encoding="utf-8"))
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_the_changelog_has_a_place_for_what_is_not_released() -> None:
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_dependency_has_its_row() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(d for extra in project["optional-dependencies"].values() for d in extra),
    ]
    table = (ROOT / "docs" / "DEPENDENCIES.md").read_text(encoding="utf-8")
    bare = {re.split(r"[\[<>=; ]", dependency)[0] for dependency in wanted}
    assert not {name for name in bare if f"| `{name}" not in table}
