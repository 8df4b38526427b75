"""For a test that does not come, nothing is made ready.

Knows the order of tests. Does not know how long anything takes.
"""

from __future__ import annotations

import pytest

from tests.pytest_plugin.conftest import Project

pytestmark = pytest.mark.slow

SPOKEN = """
import os

from valve_aws.pytest_plugin.session import Session

done = Session.done


def told(session, guarded, invoked, again):
    done(session, guarded, invoked, again)
    with open(os.environ["NOTED"], "a") as file:
        print("again" if again else "over", len(session._guarded), "open", file=file)


Session.done = told
"""

TESTS = """
def test_one(valve_lambda):
    assert valve_lambda("Worker").invoke({}).result["ok"]


def test_of_its_own():
    pass


def test_two(valve_flows, valve_lambda):
    assert valve_lambda("Worker").invoke({}).result["ok"]


def test_after():
    pass


def test_by_name(request):
    assert request.getfixturevalue("valve_lambda")("Worker").invoke({}).result["ok"]


def test_last():
    pass
"""


@pytest.mark.parametrize("words", [(), ("-n", "1")], ids=["alone", "by a worker"])
def test_after_the_last_that_asks_a_valve_is_closed_and_one_that_asks_later_has_another(
    project: Project, words: tuple[str, ...]
) -> None:
    project.write(conftest=SPOKEN, tests__test_it=TESTS)
    noted = project.folder / "noted"
    code, out = project.pytest(*words, NOTED=str(noted))
    assert code == 0, out
    assert "3 tests" in out, out
    assert noted.read_text().splitlines() == ["again 1 open", "over 0 open", "over 0 open"]
