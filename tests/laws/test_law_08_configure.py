"""Law 8: opening an exit is refused unless it is granted, for this function and every store whose exit it is.

Knows grants. Does not know which operations open exits.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from tests.laws.trial import LAW, agree
from tests.laws.worlds import World, worlds
from valve_aws.model.verdict import Rule


def holds(world: World) -> None:
    effect = replace(world.call.effect, opens="opens it")
    opening = replace(world, call=replace(world.call, effect=effect))
    verdict = agree(opening, Rule.CONFIGURE)
    if verdict.passes:
        granted = {t for g in world.policy.grants if world.who.function in g.functions for t in g.configure}
        assert {e.store for e in effect.changes} <= granted
        assert granted
    agree(world, Rule.CONFIGURE)


@LAW
@given(worlds)
def test_no_exit_is_opened_without_a_grant(world: World) -> None:
    holds(world)
