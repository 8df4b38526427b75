"""`pytest --valve-lock`: what is new fails the session, and only a whole session forgets what is gone.

Knows the option and the file. Does not know how uses are named; `tests/lockfile` does.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.pytest_plugin.conftest import ROOT, Project

pytestmark = pytest.mark.slow

READS = """
def test_reads(valve_lambda):
    assert valve_lambda("Worker").invoke({}).result["ok"]
"""
SENDS = """
def test_sends(valve_lambda):
    valve_lambda("Worker").invoke({"leak": True, "id": "nobody"})
"""
READ, SENT = "Worker dynamodb:GetItem Customers aws", "Worker sqs:SendMessage Jobs aws"

STAND_IN = """
import pytest
from pathlib import Path
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.record import Record
from valve_aws.model.stack import Stack
from valve_aws.model.verdict import Mode

STACK = Stack("shop", "123456789012", "us-east-1", {}, {}, file=str(Path(__file__).parent / "template.yaml"))

@pytest.fixture
def used(pytestconfig):
    def use(operation):
        made = Record("r-1", "", "sts", operation, "us-east-1", "123456789012", "allow", Mode.AUDIT,
                      "Worker", "Worker-1", "i-1")
        if locks := pytestconfig.pluginmanager.get_plugin("valve_aws_lock"):
            locks.add(STACK, FlowPolicy(), [made])
    return use
"""
"""Has a session use something without a sandbox: what is asked here is when a session is whole."""


def locked(project: Project) -> list[str]:
    """Return the lines of the file that are uses."""
    path = project.folder / "valve.lock"
    if not path.exists():
        return []
    return [line for line in path.read_text().splitlines() if line[:1] not in {"", "#"}][1:]


def test_what_is_new_fails_with_its_line_and_is_taken_in_by_update(project: Project) -> None:
    project.write(test_reads=READS, test_sends=SENDS)
    code, out = project.pytest("--valve-mode=audit", "--valve-lock=check", "-n", "2")
    assert code == 1, out
    assert "2 passed" in out
    assert re.search(rf"  \+ {SENT}\n      called src/app.py:\d+  SQS\.send_message\(", out), out
    assert "make it with `pytest --valve-lock=update`" in out
    assert locked(project) == []
    assert project.pytest("--valve-mode=audit", "--valve-lock=update")[0] == 0
    assert locked(project) == [READ, SENT]


def test_a_dependency_that_starts_to_talk_is_a_red_line_in_somebodys_test_run(
    tmp_path: Path, installed: Path
) -> None:
    """`stacks/dependency`: the same test passes with both versions, and so says nothing of it."""
    folder = tmp_path / "dependency"
    shutil.copytree(ROOT / "stacks" / "dependency", folder, ignore=shutil.ignore_patterns(".valve"))
    project = Project(folder, installed)
    rows = 'def test_rows(valve_lambda):\n    assert valve_lambda("Monthly").invoke({}).result["lines"] == 2'
    project.write(**{"pytest.ini": "[pytest]\naddopts = --valve-mode=audit\n"}, test_monthly=rows)
    code, out = project.pytest("--valve-lock=check")
    assert (code, "valve.lock: nothing new" in out) == (0, True), out
    shutil.rmtree(folder / "src" / "vendor")
    (folder / "bumped").rename(folder / "src" / "vendor")
    code, out = project.pytest("--valve-lock=check")
    assert (code, "1 passed" in out) == (1, True), out
    assert "  + Monthly visit /collect https://models.tablely.test" in out


@pytest.fixture
def standing(project: Project) -> Project:
    project.write(conftest=STAND_IN)
    project.write(test_a="def test_a(used): used('A')", test_b="def test_b(used): used('B')")
    lines = "".join(f"Worker sts:{operation} - aws\n" for operation in "AB")
    project.write(**{"valve.lock": f"version 1\n{lines}"})
    return project


def uses(project: Project) -> str:
    return "".join(line.split()[1].removeprefix("sts:") for line in locked(project))


@pytest.mark.parametrize(
    ("part", "why"),
    [
        (("-k", "a"), "tests were deselected"),
        (("test_a.py",), "it was for the tests named"),
        (("--ignore", "test_b.py"), "`--ignore` left tests out"),
        (("-n", "2", "-k", "a"), "tests were deselected"),
    ],
)
def test_in_part_of_a_session_nothing_is_gone(part: tuple[str, ...], why: str, standing: Project) -> None:
    code, out = standing.pytest("--valve-lock=update", *part)
    assert (code, f"1 that this session did not use stay: {why}" in out) == (0, True), out
    assert uses(standing) == "AB"


def test_who_rewrites_forgets_whatever_ran_and_check_tells_nothing_of_it(standing: Project) -> None:
    code, out = standing.pytest("--valve-lock=check", "-k", "a")
    assert (code, "  - " in out) == (0, False), out
    assert standing.pytest("--valve-lock=rewrite", "-k", "a")[0] == 0
    assert uses(standing) == "A"


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("import pytest\n@pytest.mark.skip\ndef test_b(): pass", "a test was skipped"),
        ("def test_b(): assert False", "a test failed"),
        (
            "import pytest\npytest.importorskip('none_such')\ndef test_b(used): used('B')",
            "a file of tests was skipped or does not import",
        ),
    ],
)
def test_where_a_test_did_not_come_to_its_end_nothing_is_gone(
    rest: str, why: str, standing: Project
) -> None:
    standing.write(test_b=rest)
    assert f"1 that this session did not use stay: {why}" in standing.pytest("--valve-lock=update")[1]
    assert uses(standing) == "AB"


@pytest.mark.parametrize("words", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_where_decisions_were_not_kept_nothing_is_vouched_for(
    words: tuple[str, ...], standing: Project
) -> None:
    standing.write(conftest=STAND_IN.replace("[made])", "[made], 3)"))
    code, out = standing.pytest("--valve-lock=check", *words)
    assert (code, "valve.lock: 3 decisions of a test are not kept any more" in out) == (1, True), out
    code, out = standing.pytest("--valve-lock=update", "test_a.py", *words)
    assert (code, uses(standing)) == (0, "AB"), out


def test_a_whole_session_tells_what_is_gone_and_update_forgets_it(standing: Project) -> None:
    """Also where it is named by the folder that pytest would take itself."""
    standing.write(test_b="import pytest\n@pytest.mark.xfail\ndef test_b(): assert False")
    code, out = standing.pytest("--valve-lock=check")
    assert (code, "  - Worker sts:B - aws    valve.lock:3:1" in out) == (0, True), out
    assert standing.pytest("--valve-lock=update", ".")[0] == 0
    assert uses(standing) == "A"


def test_a_file_that_cannot_be_read_fails_the_session_with_its_place(standing: Project) -> None:
    standing.write(**{"valve.lock": "version 1\nWorker s3:GetObject\n"})
    code, out = standing.pytest("--valve-lock=check")
    assert code == 1
    assert "valve.lock:2:20: 2 words" in out
    code, out = standing.pytest()
    assert (code, "valve lock" in out) == (0, False), "who does not ask is not told"
