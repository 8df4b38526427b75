"""A cloud that loads before it is known what it is to hold.

Knows processes. Does not know who expects one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from valve_aws.backend import NotStarted, Standing
from valve_aws.staying.standing import staying

REGION = "eu-central-1"


@pytest.fixture
def cloud() -> Iterator[Standing]:
    """Give one that is not there yet."""
    made = Standing()
    yield made
    made.end()


def test_what_has_loaded_ahead_is_what_serves_and_no_second_one(cloud: Standing) -> None:
    before = _children()
    cloud.ahead()
    cloud.ahead()
    loading = _children() - before
    assert len(loading) == 1
    assert cloud.start([], [], REGION).port
    cloud.ahead()
    assert _children() - before == loading


def test_what_is_not_needed_after_all_ends(cloud: Standing) -> None:
    before = _children()
    cloud.ahead()
    assert _children() - before
    cloud.end()
    assert not _children() - before
    assert cloud.start([], [], REGION).port


def test_what_dies_while_it_loads_is_told_and_the_next_one_serves(cloud: Standing) -> None:
    before = _children()
    cloud.ahead()
    for pid in _children() - before:
        os.kill(int(pid), 9)
    with pytest.raises(NotStarted):
        cloud.start([], [], REGION)
    assert cloud.start([], [], REGION).port


@pytest.mark.parametrize(
    ("backend", "calls", "loading"), [("moto", True, 1), ("moto", False, 0), ("localstack", True, 0)]
)
def test_a_command_that_stays_has_it_load_where_a_function_is_likely_to_call(
    backend: str, calls: bool, loading: int
) -> None:
    before, cloud = _children(), Standing()
    valve = SimpleNamespace(settings=SimpleNamespace(backend=backend), stack=SimpleNamespace(calls=calls))

    async def course() -> int:
        return len(_children() - before)

    assert staying(course(), valve, cloud) == loading  # type: ignore[arg-type]  # it has what is asked
    assert not _children() - before


def _children() -> set[str]:
    tasks = Path("/proc/self/task").glob("*/children")
    return {pid for task in tasks for pid in task.read_text().split()}
