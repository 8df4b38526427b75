"""Law 5: names are data. A request to somebody else carries the environment's label, even if it only reads.

Knows who answers for a store. Does not know whether anything was sent, which tests/playbook tries.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from tests.laws.trial import LAW, expected, judged, rules
from tests.laws.worlds import OURS, PARTNER, World, worlds
from valve_aws.model.call import Call, Effect
from valve_aws.model.cell import Extent, Part, Span
from valve_aws.model.label import excess
from valve_aws.model.verdict import Rule


def holds(world: World) -> None:
    for store in (PARTNER, *OURS):
        there = Extent(store, Part.NAMES, Span.ONE, "a/x")
        read = Call("s3", "HeadObject", "", (store,), Effect(reveals=(there,)))
        asked = replace(world, call=read)
        verdict = judged(asked)
        assert rules(verdict) == expected(asked)[0]
        leaks = Rule.ACCEPTS in rules(verdict)
        if store in OURS:
            assert not leaks
        elif verdict.passes:
            rule = next(r for r in world.policy.stores if r.target == store)
            removed = world.policy.functions[world.who.function].may_remove
            taken = frozenset(rule.holds.patterns + rule.accepts.patterns)
            assert not excess(world.who.label, taken) or removed


@LAW
@given(worlds)
def test_a_read_from_somebody_else_needs_what_a_write_to_him_needs(world: World) -> None:
    holds(world)
