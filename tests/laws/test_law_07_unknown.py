"""Law 7: what is unknown is refused: no row and no declaration, a book that does not answer.

Knows operations and the book's silence. Does not know how requests are read.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from tests.laws.trial import LAW, agree, judged, rules
from tests.laws.worlds import World, worlds
from valve_aws.flow import Judge
from valve_aws.model.verdict import Rule


def holds(world: World) -> None:
    verdict = agree(world, Rule.UNKNOWN, Rule.BOOK)
    assert not (verdict.passes and not world.call.known)
    declared = replace(world, call=replace(world.call, service="new", operation="Thing", known=False))
    assert Rule.UNKNOWN not in rules(judged(declared))
    judge = Judge(world.policy, world.stack)
    assert not (verdict.passes and world.silent and judge.wants(world.call))


@LAW
@given(worlds)
def test_without_a_row_or_an_answer_of_the_book_nothing_passes(world: World) -> None:
    holds(world)
