"""Functions that are invoked, asked by their URLs and looked at, against what AWS was recorded to answer.

Knows cases of `cases/callers`. Facts and their source are as in `test_cases.py`. Does not know any function.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.callers import Callers
from tests.conformance.world import opened

CASES = Path(__file__).parent / "cases" / "callers"
AREAS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(CASES.glob("*.json"))}

KNOWN: dict[str, str] = json.loads((CASES.parents[1] / "known.json").read_text(encoding="utf-8"))
"""`callers/area/case/fact` → why our answer is another; one that is as recorded after all fails."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callers]:
    """One valve for all cases."""
    yield from opened(tmp_path_factory.mktemp("callers"), Callers)


@pytest.mark.parametrize(
    ("area", "case"),
    [
        pytest.param(area, case, id=f"{area}/{case['name']}")
        for area in AREAS
        for case in AREAS[area]["cases"]
    ],
)
def test_functions_answer_as_on_aws(world: Callers, area: str, case: Mapping[str, Any]) -> None:
    place = f"callers/{area}/{case['name']}/"
    known = {path.removeprefix(place) for path in KNOWN if path.startswith(place)}
    faults = world.play(case, AREAS[area]["like"])
    other = {fault.partition(": ")[0] for fault in faults}
    faults = [fault for fault in faults if fault.partition(": ")[0] not in known]
    faults += [f"{fact} is as recorded: take it out of known.json" for fact in known - other]
    assert not faults, "\n".join(faults)
