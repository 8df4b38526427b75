"""The Lambda API against what AWS itself has answered.

Knows cases: calls in their order, and what is known of some of the answers (status, error, message, members,
values). The facts were recorded on AWS by LocalStack's authors (tests/aws/services/lambda_ of their
repository, Apache-2.0); the cases are ours, and `also` names recordings that say the same. Does not know how
the API works.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.answering import answered, compared, filled, whole
from tests.conformance.comparing import Marks
from tests.conformance.conftest import Stage

CASES = Path(__file__).parent / "cases"
AREAS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(CASES.glob("*.json"))}

KNOWN: dict[str, str] = json.loads((CASES.parent / "known.json").read_text(encoding="utf-8"))
"""`area/case/fact` → why our answer is another; one that is as recorded after all fails."""


@pytest.mark.parametrize(
    ("area", "case"),
    [
        pytest.param(
            area, case, id=f"{area}/{case['name']}", marks=[pytest.mark.slow] if case.get("slow") else []
        )
        for area in AREAS
        for case in AREAS[area]["cases"]
    ],
)
def test_the_api_answers_as_aws_was_recorded_to(stage: Stage, area: str, case: Mapping[str, Any]) -> None:
    stage.clear(case.get("declared", False))
    marks, answers, faults = Marks(), list[Any](), list[str]()
    for step in case["steps"]:
        if step.get("settled"):
            stage.settle()
        if "logged" in step:  # by now, each line an event of its log group
            faults += Marks().differences(step["logged"], stage.logged, step["fact"])
            continue
        params = filled(step["with"], answers, case.get("code", {}))
        if "paged" in step:
            answer = stage.paged(step["call"], step["paged"], params)
        else:
            client = stage.cloud(step["to"]) if "to" in step else stage.client
            answer = answered(client, step["call"], params)
        answers.append(answer)
        if "expect" not in step:
            assert answer.get("error") is None, (step, answer)
            continue
        wanted = (
            step["expect"] | {"is": whole(step["expect"]["is"], AREAS[area].get("like", {}))}
            if "is" in step["expect"]
            else step["expect"]
        )
        found = list(compared(marks, wanted, answer, answers))
        found = list(unforeseen(found, step.get("otherwise", ()), AREAS[area]))
        known = f"{area}/{case['name']}/{step['fact']}" in KNOWN
        if bool(found) is not known:
            faults += [
                f"{step['fact']} ({step['call']}): {line}"
                for line in found or ["is as recorded: take it out of known.json"]
            ]
    assert not faults, "\n".join(faults)


def unforeseen(found: list[str], otherwise: Iterable[str], area: Mapping[str, Any]) -> Iterator[str]:
    """Yield the differences of an answer but those that its case has foreseen, each of which must be there.

    The area says of each why it is so.
    """
    for begins in otherwise:
        if not area["otherwise"][begins] or not any(line.startswith(begins) for line in found):
            yield f"it is as recorded after all: {begins}"
    yield from (line for line in found if not line.startswith(tuple(otherwise)))
