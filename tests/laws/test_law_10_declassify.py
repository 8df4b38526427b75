"""Law 10: only `may-remove` lowers: named tags, named function, named destination; that output, never the
environment.

Knows what is removed. Does not know by what computation the function earned it.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from tests.laws.trial import LAW, agree, expected, judged
from tests.laws.worlds import World, worlds
from valve_aws.model.label import CLEAN, within
from valve_aws.model.policy import FunctionRule
from valve_aws.model.verdict import Mode, Rule


def holds(world: World) -> None:
    agree(world, Rule.ACCEPTS)
    verdict = judged(world, Mode.AUDIT)
    assert verdict.writes == expected(world, Mode.AUDIT)[2]
    rule = world.policy.functions["Worker"]
    plain = replace(
        world.policy, functions={**world.policy.functions, "Worker": replace(rule, may_remove={})}
    )
    without = judged(replace(world, policy=plain), Mode.AUDIT)
    gone = without.writes - verdict.writes
    assert all(any(within(t, tag) for tag in rule.may_remove) for t in gone)
    # The environment keeps what it knows; a refusal may add what was consulted, never take away.
    assert verdict.joins <= without.joins
    assert without.joins - verdict.joins <= (frozenset() if verdict.refused else without.joins)
    other = replace(
        world.policy,
        functions={
            "Worker": replace(rule, may_remove={}),
            "Helper": FunctionRule("Helper", may_remove=rule.may_remove),
        },
    )
    assert judged(replace(world, policy=other), Mode.AUDIT).writes in (without.writes, CLEAN)


@LAW
@given(worlds)
def test_only_the_named_function_drops_the_named_tags_on_the_named_way(world: World) -> None:
    holds(world)
