"""Every case on AWS's runtime emulator and on ours: equal payloads, or a line that names the emulator's bug.

Knows that two answers are to be equal. Does not know what either should be.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.differential.cases import PYTHON, Tried
from tests.differential.exceptions import EXCEPTIONS
from tests.differential.languages import NODE, OWN
from tests.differential.sides import NODE as HERE
from tests.differential.sides import Ours, Theirs, answers, written

EVERY = (*PYTHON, *NODE, *OWN)
LEAST = 120
"""Cases that are compared at least."""


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("differential") / "code")


@pytest.fixture(scope="module")
def ours(code: Path) -> Iterator[Ours]:
    made = Ours(code.parent, code, EVERY)
    yield made
    made.close()


def functions() -> list[Any]:
    """Every function; what starts often is slow."""
    marks = {True: (pytest.mark.slow,), False: ()}
    return [pytest.param(tried, id=tried.name, marks=marks[tried.starts]) for tried in EVERY]


@pytest.mark.parametrize("tried", functions())
def test_a_function_answers_as_under_awss_emulator(tried: Tried, code: Path, ours: Ours) -> None:
    if tried.language == "node" and HERE is None:
        pytest.skip("there is no Node on this host")
    theirs = Theirs(code, tried)
    try:
        with ThreadPoolExecutor() as beside:
            asked = beside.submit(answers, theirs.send, tried)
            here = answers(ours.send, tried)
            there = asked.result()
    finally:
        theirs.close()
    lines = {each.case: each for each in EXCEPTIONS if each.function == tried.name}
    differ = {name for name in here if here[name] != there[name]}
    assert differ - lines.keys() == set(), [
        (name, here[name][:999], there[name][:999]) for name in differ - lines.keys()
    ]
    assert lines.keys() - differ == set(), "a line of exceptions is not needed"
    for name, line in lines.items():
        assert line.ours in here[name], here[name]
        assert (line.theirs in there[name]) if line.theirs else not there[name], there[name]


def test_there_are_as_many_cases_as_were_asked_for_and_few_exceptions() -> None:
    cases = [(tried.name, case.name) for tried in EVERY for case in tried.cases]
    assert len(set(cases)) == len(cases) >= LEAST
    assert {(each.function, each.case) for each in EXCEPTIONS} <= set(cases)
    assert len(EXCEPTIONS) * 8 < len(cases)
