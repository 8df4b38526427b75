"""Law 14: a refusal depends on static policy and the environment's own label alone.

Knows what a refusal may depend on. Does not know its wording, which tests/playbook tries.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import example, given

from tests.laws.trial import LAW, judged, rules
from tests.laws.worlds import World, world, worlds
from valve_aws.model.verdict import Holding, Rule

LISTED = 416386562483
"""A world with a backend that others use too: names that nobody recognises may be of any tenant."""


def holds(world: World) -> None:
    verdict = judged(world)
    if world.silent:
        return
    # Why as complete as it was: of a whole store that says whose backend it is, and nothing of what is there.
    unlabelled = {place: Holding(complete=held.complete) for place, held in world.book.items()}
    empty = judged(replace(world, book=unlabelled))
    if not verdict.passes and not verdict.cells and Rule.ACCEPTS not in rules(verdict):
        # Refused before any cell was looked at: another book gives the same answer and nothing joins.
        assert rules(empty) == rules(verdict)
        assert not verdict.joins
    if Rule.ACCEPTS in rules(verdict):
        # Refused for what cells carry: whoever was told so carries it from now on, and the cells no longer
        # matter.
        after = replace(world, book={}, who=replace(world.who, label=world.who.label | verdict.joins))
        assert not judged(after).passes


@LAW
@example(world(LISTED))
@given(worlds)
def test_who_is_refused_for_what_a_cell_carries_carries_it_himself(world: World) -> None:
    holds(world)
