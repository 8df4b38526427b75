"""Where every store is sealed, an outsider sees the same whatever the labelled data are, up to time.

Knows how many applications are tried, and that they are worth it. Does not know what one does.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from os import environ

import pytest

from tests import garbage
from tests.noninterference.calls import CORE_OPERATIONS, EVERY
from tests.noninterference.twins import Survey, survey

WORKFLOWS = int(environ.get("VALVE_WORKFLOWS", "2000"))
"""How many are tried; a longer run sets the variable."""


@pytest.fixture(scope="module")
def tried() -> Survey:
    """Try them by two processes, in portions."""
    found = Survey()
    portions = [range(n, min(n + 100, WORKFLOWS)) for n in range(0, WORKFLOWS, 100)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=garbage.seldom) as both:
        for part in both.map(survey, portions):
            found.add(part)
    return found


@pytest.mark.slow
def test_twins_that_differ_in_labelled_data_look_the_same_to_an_outsider(tried: Survey) -> None:
    assert tried.pairs == WORKFLOWS
    assert not tried.told, "\n".join(f"world({number}): {told[:1000]}" for number, told in tried.told[:5])


@pytest.mark.slow
def test_the_secret_did_change_what_went_on_in_most_of_them(tried: Survey) -> None:
    assert tried.parted > 0.6 * tried.pairs, f"in {tried.parted} of {tried.pairs} only"


@pytest.mark.slow
def test_every_row_was_asked_and_most_operations_passed(tried: Survey) -> None:
    rows = {*EVERY, *CORE_OPERATIONS}
    assert not rows - tried.asked
    assert len(rows & tried.passed) > 0.6 * len(rows)
