"""What a run tells at its end, and where: the terminal, JUnit, SARIF, annotations, workers of pytest-xdist.

Knows the outputs. Does not know the fixtures' insides.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree

import pytest

from tests.pytest_plugin.conftest import Project
from tests.report.test_output import harmless

pytestmark = pytest.mark.slow

TESTS = """
import pytest


def test_honest(valve_lambda, valve_flows):
    assert valve_lambda("Worker").invoke({}).result["ok"]
    valve_flows.assert_no_flow("pii", to="Jobs")


def test_leak(valve_lambda, valve_flows):
    valve_lambda("Worker").invoke({"leak": True, "say": "\\x1b]0;title\\x07\\n::set-env name=A::b"})
    valve_flows.assert_no_flow("pii", to="Jobs")


def test_expected(valve_lambda, valve_flows):
    valve_lambda("Worker").invoke({"leak": True})
    valve_flows.assert_refused("Worker", to="Jobs")


def test_swallowed(valve_lambda):
    valve_lambda("Worker").invoke({"leak": True})
"""


@pytest.mark.parametrize("words", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_what_was_refused_is_told_everywhere(project: Project, words: tuple[str, ...]) -> None:
    project.write(tests__test_them=TESTS)
    code, out = project.pytest(
        *words, "--junitxml", "out/junit.xml", "--valve-sarif", "out/valve.sarif", GITHUB_ACTIONS="true"
    )
    assert code == 1, out
    assert "4 tests, 7 calls, 0 flows with a label, 3 refusals" in out
    assert "✗ Worker → sqs:SendMessage Jobs  pii/email    3 times" in out
    annotated = [line for line in out.splitlines() if line.startswith("::")]
    assert len(annotated) == 2
    assert all(line.startswith("::error file=src/app.py,line=18,title=valve") for line in annotated), out
    shown = [line for line in out.splitlines() if line not in annotated]
    assert harmless("\n".join(shown).replace("\t", " "), "\n"), "nothing that a function wrote acts"

    suite = ElementTree.parse(project.folder / "out" / "junit.xml")
    told = {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in suite.iter("testcase")
    }
    assert told["test_expected"] == {"valve.calls": "2", "valve.refused": "1", "valve.unexpected": "0"}
    assert told["test_swallowed"] == {"valve.calls": "2", "valve.refused": "1", "valve.unexpected": "1"}

    (run,) = json.loads((project.folder / "out" / "valve.sarif").read_text())["runs"]
    assert sorted((r["ruleId"], r["kind"], r["level"]) for r in run["results"]) == [
        ("expected", "pass", "none"),
        ("forbidden", "fail", "error"),
        ("refused", "fail", "error"),
    ]
    (place,) = {json.dumps(r["locations"][0]["physicalLocation"]) for r in run["results"]}
    assert json.loads(place)["artifactLocation"] == {"uri": "src/app.py"}
    assert json.loads(place)["region"]["startLine"] == 18


def test_who_asks_for_a_report_gets_one_where_nothing_was_guarded(project: Project) -> None:
    project.write(tests__test_else="def test_else():\n    assert True\n")
    code, out = project.pytest("--valve-sarif", "valve.sarif")
    assert code == 0
    (run,) = json.loads((project.folder / "valve.sarif").read_text())["runs"]
    assert run["results"] == []
    assert not re.search(r"^=+ valve =+$", out, re.MULTILINE)


SHARED = """
import pytest

@pytest.mark.parametrize("n", range(6))
def test_each_worker_has_its_own(valve_stack, valve_lambda, n):
    names = valve_stack.client("dynamodb").scan(TableName=valve_stack.name("Customers"))["Items"]
    assert [item["id"]["S"] for item in names] == ["c1"]
    valve_stack.client("dynamodb").put_item(
        TableName=valve_stack.name("Customers"), Item={"id": {"S": f"n{n}"}}
    )
    assert valve_lambda("Worker").invoke({"id": f"n{n}"}).result["found"] == ["id"]
"""


def test_four_workers_share_nothing(project: Project) -> None:
    project.write(tests__test_shared=SHARED)
    code, out = project.pytest("-n", "4")
    assert code == 0, out
    assert "6 tests, 6 calls" in out
