"""What the pytest plugin costs a test: one that uses nothing of it, one with a stack, one with an invocation.

Knows runs of pytest and what they say of each test. Does not judge: budgets are marked in the table.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import pytest

from tests.bench.figures import Figures, Row
from tests.pytest_plugin.conftest import FILES, Project, install

SECTION = "the pytest plugin, ms a test"

TIMED = """
import json

TOOK = {}

def pytest_runtest_logreport(report):
    TOOK[report.nodeid] = TOOK.get(report.nodeid, 0.0) + report.duration

def pytest_sessionfinish():
    with open("took.json", "w") as file:
        json.dump(list(TOOK.values()), file)
"""

EMPTY = """
import pytest

@pytest.mark.parametrize("n", range(500))
def test_empty(n):
    pass
"""

STACK = """
import pytest

@pytest.mark.parametrize("n", range(20))
def test_stack(valve_stack, valve_flows, n):
    valve_flows.assert_no_flow("pii", to="Jobs", vacuous_ok=True)
"""

INVOKED = """
import pytest

@pytest.mark.parametrize("n", range(20))
def test_invoked(valve_lambda, valve_flows, n):
    assert valve_lambda("Worker").invoke({}).error is None
    valve_flows.assert_no_flow("pii", to="Jobs", vacuous_ok=True)
"""

CODES = {
    "nothing imported": "def handler(event, context):\n    return {}\n",
    "boto3 imported": "import boto3\n\n\ndef handler(event, context):\n    return {}\n",
    "two clients, one call": FILES["src/app.py"],
}

BUDGET = 100.0
"""Milliseconds of a test with a sandboxed invocation, after the first."""


@pytest.mark.bench
def test_what_a_test_costs(tmp_path: Path, figures: Figures) -> None:
    """Whole tests: set-up, call and tear-down, as pytest takes their time."""
    (tmp_path / "installed").mkdir()
    project = Project(tmp_path / "project", install(tmp_path / "installed"))
    project.folder.mkdir()
    project.write(**{"pytest.ini": "[pytest]\n", "conftest.py": TIMED, **FILES})

    project.write(test_it=EMPTY)
    whole: dict[str, list[float]] = {"without": [], "with": []}
    each: dict[str, list[float]] = {"without": [], "with": []}
    for _ in range(6):
        for name, words in (("without", ("-p", "no:valve_aws")), ("with", ())):
            began = time.perf_counter()
            took = timed(project, *words)
            whole[name].append(1e3 * (time.perf_counter() - began))
            each[name].append(1e3 * statistics.median(took))
    for what, found in (("start, 500 empty tests, the end", whole), ("one empty test", each)):
        medians = {name: statistics.median(values[1:]) for name, values in found.items()}
        adds = medians["with"] - medians["without"]
        figures.add(SECTION, Row(f"not used: {what}", "ms", {**medians, "adds": adds}, runs=5))

    project.write(test_it=STACK)
    first, *others = timed(project)
    figures.add(SECTION, Row("valve_stack, valve_flows", "ms", told(first, others), runs=len(others)))
    project.write(test_it=INVOKED)
    for what, code in CODES.items():
        project.write(**{"src/app.py": code})
        first, *others = timed(project)
        row = told(first, others)
        figures.add(SECTION, Row(f"an invocation, {what}", "ms", row, row["after"], BUDGET, len(others)))


def timed(project: Project, *words: str) -> list[float]:
    """Return the seconds that each test took."""
    code, out = project.pytest("-q", *words)
    assert code == 0, out
    found: list[float] = json.loads((project.folder / "took.json").read_text())
    return found


def told(first: float, others: list[float]) -> dict[str, float]:
    return {"first": 1e3 * first, "after": 1e3 * statistics.median(others), "worst": 1e3 * max(others)}
