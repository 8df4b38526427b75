"""One world before the judgement, and the settings under which every law is tried.

Knows how to ask. Does not know any law.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import HealthCheck, settings

from tests.laws.reference import Reference
from tests.laws.worlds import World
from valve_aws.flow import Judge
from valve_aws.model.cell import Extent
from valve_aws.model.label import Label
from valve_aws.model.ports import Rise
from valve_aws.model.verdict import Mode, Rule, Verdict

LAW = settings(max_examples=300, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


def judged(world: World, mode: Mode = Mode.ENFORCE) -> Verdict:
    judge = Judge(world.policy, world.stack)
    return judge.decide(world.call, world.who, world.held(judge.wants(world.call)), mode)


def expected(world: World, mode: Mode = Mode.ENFORCE) -> tuple[set[Rule], Label, Label]:
    return Reference(world).decide(mode is Mode.ENFORCE)


def rules(verdict: Verdict) -> set[Rule]:
    return {reason.rule for reason in verdict.refused}


def agree(world: World, *about: Rule) -> Verdict:
    """Hold the verdict against the reference's for some rules, in both modes; return the one of `enforce`."""
    for mode in (Mode.AUDIT, Mode.ENFORCE):
        verdict = judged(world, mode)
        assert rules(verdict) & set(about) == expected(world, mode)[0] & set(about)
        assert verdict.passes is (mode is Mode.AUDIT or not verdict.refused)
    return verdict


def risen(rises: Sequence[Rise], extent: Extent) -> Label | None:
    """What the book will carry for all of an extent; None when nothing is said about it."""
    said = [
        r.label
        for r in rises
        if (r.extent.store, r.extent.part, r.extent.name) == (extent.store, extent.part, extent.name)
    ]
    return frozenset.intersection(*said) if said else None
