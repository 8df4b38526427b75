"""Events against those that AWS was recorded to send.

Knows cases of `cases/events`: calls to any service, time that is let pass, and the events that a function
has had by then. Facts and their source are as in `test_cases.py`. Does not know how anybody is woken.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.world import World, opened

CASES = Path(__file__).parent / "cases" / "events"
AREAS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(CASES.glob("*.json"))}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One valve for all cases."""
    yield from opened(tmp_path_factory.mktemp("world"), World)


@pytest.mark.parametrize(
    ("area", "case"),
    [
        pytest.param(area, case, id=f"{area}/{case['name']}")
        for area in AREAS
        for case in AREAS[area]["cases"]
    ],
)
def test_functions_are_woken_as_on_aws(world: World, area: str, case: Mapping[str, Any]) -> None:
    faults = world.play(case, AREAS[area]["like"])
    assert not faults, "\n".join(faults)
