"""The first page's three files fail as the page says, and pass with its remedy.

Knows the page as text. Does not know the fixtures.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.test_docs import README, found_in_order, steady
from tests.pytest_plugin.conftest import Project

pytestmark = pytest.mark.slow

PART = README.split("## In your tests")[1].split("\n## ")[0]
FILES = dict(re.findall(r"`([\w./]+)`:\n\n```\w+\n(.*?)^```$", PART, re.MULTILINE | re.DOTALL))


def shown(line: str) -> str:
    """Return a line without what differs from run to run."""
    return re.sub(r"in [\d.]+s", "in 0s", re.sub(r"=+$", "=", re.sub(r"^=+", "=", steady(line))))


def test_three_files_lead_to_the_first_failing_leak_test(tmp_path: Path, installed: Path) -> None:
    assert FILES.keys() == {"template.yaml", "src/app.py", "test_leak.py"}
    project = Project(tmp_path, installed)
    project.write(**FILES)
    code, out = project.pytest()
    assert code == 1
    (told,) = re.findall(r"^```text\n(.*?)^```$", PART, re.MULTILINE | re.DOTALL)
    missing = found_in_order(
        ["…", *map(shown, told.splitlines())], [shown(line) for line in out.splitlines()]
    )
    assert not missing, f"did not print: {missing}\n{out}"

    code_of = FILES["src/app.py"].replace('["id"]})', '["id"]}, ProjectionExpression="id")', 1)
    assert code_of != FILES["src/app.py"]
    project.write(**{"src/app.py": code_of})
    code, out = project.pytest()
    assert (code, "nothing carried `pii` in this test" in out) == (1, True), out
    project.write(**{"test_leak.py": FILES["test_leak.py"].replace('"Jobs")', '"Jobs", vacuous_ok=True)')})
    code, out = project.pytest()
    assert code == 0, out
