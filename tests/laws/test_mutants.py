"""For each law a judgement without it, which the law's own property must catch.

Knows where each law stands in the tables. Does not know whether the laws are right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.laws import (
    test_law_01_admit,
    test_law_02_read,
    test_law_03_write,
    test_law_04_write_is_read,
    test_law_05_names,
    test_law_06_perimeter,
    test_law_07_unknown,
    test_law_08_configure,
    test_law_09_time,
    test_law_10_declassify,
    test_law_11_emitted,
    test_law_14_refusals,
    test_law_18_fields,
)
from tests.laws.worlds import World, worlds
from valve_aws.flow import admission, ceilings, flows, judge, releases, rising
from valve_aws.model.label import CLEAN

Patch = Callable[[pytest.MonkeyPatch], None]

HUNT = settings(
    max_examples=3000,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
    report_multiple_bugs=False,
)


def without(*names: str) -> Patch:
    """The tables without these steps."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        known = {step.name for step in judge.WALLS + judge.FLOWS}
        assert known >= set(names)
        for table in ("WALLS", "FLOWS"):
            steps = tuple(step for step in getattr(judge, table) if step.name not in names)
            monkeypatch.setattr(judge, table, steps)

    patch.names = names  # type: ignore[attr-defined]  # read by the test that no step goes without a mutant
    return patch


def unadmitted(name: str) -> Patch:
    """Admission without one step."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        steps = tuple(step for step in admission.ADMISSION if step[0] != name)
        assert len(steps) == len(admission.ADMISSION) - 1
        monkeypatch.setattr(admission, "ADMISSION", steps)

    return patch


def instead(owner: Any, name: str, changed: Callable[[Any], Any]) -> Patch:
    """One function replaced by what `changed` makes of it."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(owner, name, changed(getattr(owner, name)))

    return patch


def always_blind(plan: Any) -> Any:
    """Every write is taken to be blind."""

    def planned(call: Any, *others: Any) -> Any:
        found = plan(replace(call, effect=replace(call.effect, blind=True)), *others)
        return replace(found, call=call)

    return planned


def complete(found: Any) -> Any:
    """Everything that the book holds is taken to be all there is."""
    return lambda extent, held, bounds: found(
        extent, {e: replace(h, complete=True) for e, h in held.items()}, bounds
    )


def forgetful(follow: Any) -> Any:
    """What a refusal looked at is forgotten."""
    return lambda self, looked, refused, mode: replace(follow(self, looked, refused, mode), joins=CLEAN)


MUTANTS: list[tuple[int, str, Patch, Callable[[World], None]]] = [
    (1, "the payload's label does not join", unadmitted("payload"), test_law_01_admit.holds),
    (1, "what `events` says does not join", unadmitted("events"), test_law_01_admit.holds),
    (1, "clearance is not asked at the door", unadmitted("cleared"), test_law_01_admit.holds),
    (2, "what is read does not join", without("reads"), test_law_02_read.holds),
    (2, "clearance is not asked", without("clearance"), test_law_02_read.holds),
    (2, "cells above their ceiling are read", without("learned"), test_law_02_read.holds),
    (3, "what is consulted is not in what is written", without("consults"), test_law_03_write.holds),
    (3, "no ceiling is asked", without("accepts"), test_law_03_write.holds),
    (3, "nobody follows the deliveries", without("delivered"), test_law_03_write.holds),
    (3, "nothing is raised", instead(rising, "extents", lambda _: lambda *_: ()), test_law_03_write.holds),
    (3, "a call under way is not judged again", without("outgoing"), test_law_03_write.moves),
    (4, "every write is blind", instead(judge, "plan", always_blind), test_law_04_write_is_read.holds),
    (5, "a read from somebody else is free", without("asking"), test_law_05_names.holds),
    (6, "foreign keys are as good as ours", without("credential"), test_law_06_perimeter.holds),
    (6, "foreign resources are as good as ours", without("perimeter"), test_law_06_perimeter.holds),
    (6, "any host will do", without("host"), test_law_06_perimeter.holds),
    (7, "an operation without a row passes", without("unknown"), test_law_07_unknown.holds),
    (7, "a silent book is an empty one", without("book"), test_law_07_unknown.holds),
    (8, "exits open without a grant", without("configure"), test_law_08_configure.holds),
    (
        9,
        "what the book does not recognise is clean",
        instead(flows, "found", complete),
        test_law_09_time.holds,
    ),
    (
        9,
        "every write replaces",
        instead(rising, "replaces", lambda _: lambda *_: True),
        test_law_09_time.overwrites,
    ),
    (
        9,
        "no write replaces",
        instead(rising, "replaces", lambda _: lambda *_: False),
        test_law_09_time.overwrites,
    ),
    (10, "nothing is declassified", without("declassify"), test_law_10_declassify.holds),
    (
        11,
        "results and logs are free",
        instead(releases, "excess", lambda _: lambda *_: CLEAN),
        test_law_11_emitted.holds,
    ),
    (14, "a refusal does not join", instead(judge.Judge, "_follow", forgetful), test_law_14_refusals.holds),
    (18, "an unfilled field is no tag", without("fields"), test_law_18_fields.holds),
    (18, "an unfilled field of an event is no tag", unadmitted("events"), test_law_18_fields.holds),
    (
        18,
        "what a name fills is not stored",
        instead(ceilings.Ceilings, "filled_by_name", lambda _: lambda *_: CLEAN),
        test_law_18_fields.stores,
    ),
]


@pytest.mark.parametrize(
    ("patch", "law"), [pytest.param(m[2], m[3], id=f"law {m[0]}: {m[1]}") for m in MUTANTS]
)
def test_a_judgement_without_the_law_is_caught(
    patch: Patch, law: Callable[[World], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    patch(monkeypatch)
    with pytest.raises(AssertionError):
        HUNT(given(worlds)(law))()


def test_every_law_that_is_tried_here_has_a_mutant() -> None:
    assert {m[0] for m in MUTANTS} == {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 18}


NO_LAW = {"granted", "narrowed", "from", "only-to", "held", "with"}
"""Steps that are the policy's and the template's own narrowing, and credentials that stand in content;
tests/flow tries them."""


def test_every_other_step_of_the_tables_is_missed_by_some_law() -> None:
    steps = {step.name for step in judge.WALLS + judge.FLOWS}
    assert steps > NO_LAW
    assert {name for _, _, patch, _ in MUTANTS for name in getattr(patch, "names", ())} == steps - NO_LAW
