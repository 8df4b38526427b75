"""What must hold between two judgements of one world: more label never allows more, more room never refuses
more.

Knows how to change a world in one direction. Does not know the law by number.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.laws.trial import LAW, judged, rules
from tests.laws.worlds import World, worlds
from valve_aws.flow import Judge
from valve_aws.model.policy import FlowPolicy, Tags
from valve_aws.model.verdict import Holding, Mode, Rule

LABELS = st.frozensets(st.sampled_from(["pii", "pii/email", "card", "tenant/a"]), min_size=1)
DYNAMIC = {Rule.ACCEPTS, Rule.CLEARANCE, Rule.FIELD, Rule.ONLY_TO}


def roomier(policy: FlowPolicy, more: frozenset[str]) -> FlowPolicy:
    stores = tuple(
        replace(r, accepts=Tags((*r.accepts.patterns, *more)), sealed=False) for r in policy.stores
    )
    return replace(policy, stores=stores)


@LAW
@given(worlds, LABELS)
def test_more_label_never_allows_more(world: World, more: frozenset[str]) -> None:
    labelled = replace(world, who=replace(world.who, label=world.who.label | more))
    assert judged(world).passes or not judged(labelled).passes
    assert judged(world, Mode.AUDIT).writes <= judged(labelled, Mode.AUDIT).writes


@LAW
@given(worlds, LABELS)
def test_more_in_the_book_never_allows_more(world: World, more: frozenset[str]) -> None:
    fuller = replace(
        world, book={place: Holding(h.label | more, h.complete, h.ways) for place, h in world.book.items()}
    )
    assert judged(world).passes or not judged(fuller).passes
    assert judged(world, Mode.AUDIT).joins <= judged(fuller, Mode.AUDIT).joins | world.who.label


@LAW
@given(worlds, LABELS)
def test_more_room_never_refuses_more(world: World, more: frozenset[str]) -> None:
    # Why complete and not sealed: there more room is also more that may be in the store.
    known = replace(world, book={place: replace(h, complete=True) for place, h in world.book.items()})
    plain = replace(known, policy=roomier(known.policy, frozenset()))
    assume(all(f.clearance is None for f in plain.policy.functions.values()))
    wide = replace(plain, policy=roomier(plain.policy, more))
    assert not judged(plain).passes or judged(wide).passes


@LAW
@given(worlds)
def test_the_order_of_what_is_looked_at_does_not_matter(world: World) -> None:
    effect = world.call.effect
    turned = replace(
        effect, consults=effect.consults[::-1], reveals=effect.reveals[::-1], changes=effect.changes[::-1]
    )
    other = judged(replace(world, call=replace(world.call, effect=turned)))
    one = judged(world)
    assert (one.passes, one.joins, one.writes, rules(one)) == (
        other.passes,
        other.joins,
        other.writes,
        rules(other),
    )


@LAW
@given(worlds)
def test_audit_finds_everything_that_enforce_refuses_for(world: World) -> None:
    assert rules(judged(world)) <= rules(judged(world, Mode.AUDIT))
    assert judged(world, Mode.AUDIT).passes


@LAW
@given(worlds)
def test_judging_twice_gives_the_same_verdict(world: World) -> None:
    judge = Judge(world.policy, world.stack)
    held = world.held(judge.wants(world.call))
    assert judge.decide(world.call, world.who, held) == judge.decide(world.call, world.who, held)


@LAW
@given(worlds)
def test_every_refusal_says_something_short(world: World) -> None:
    for reason in judged(world, Mode.AUDIT).refused:
        assert reason.text
        assert len(reason.text) < 200
        assert "frozenset" not in reason.text
        assert not reason.text.endswith(".")
        assert not (reason.rule in DYNAMIC - {Rule.FIELD} and not reason.excess)
