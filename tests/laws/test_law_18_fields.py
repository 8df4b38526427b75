"""Law 18: fields in tags are one escaped segment; missing or empty is refused; what a name fills is stored
when written.

Knows fields. Does not know where a trigger finds them.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from tests.laws.trial import LAW, agree, judged
from tests.laws.worlds import BUCKET, World, worlds
from valve_aws.flow import Judge
from valve_aws.model.call import Effect
from valve_aws.model.cell import Extent, Part, Span
from valve_aws.model.label import within
from valve_aws.model.policy import CellRule, StoreRule, Tags
from valve_aws.model.verdict import Mode, Rule

TENANT = Tags(("tenant/{t}",))


def holds(world: World) -> None:
    agree(world, Rule.FIELD)
    judge, verdict = Judge(world.policy, world.stack), judged(world, Mode.AUDIT)
    labels = [
        verdict.joins,
        verdict.writes,
        judge.admit(world.who, world.carried).joins,
        *(rise.label for rise in judge.rises(world.call, verdict)),
    ]
    assert not any(set("{}") & set(tag) for label in labels for tag in label)
    sub = world.who.fields.get("sub")
    event = judge.admit(replace(world.who, trigger="Worker.Api"), world.carried)
    if "tenant/{sub}" in world.policy.events["Worker.Api"].patterns:
        assert sub or Rule.FIELD in {r.rule for r in event.refused}
        assert sub != "a/b" or "tenant/a%2fb" in event.joins | world.who.label
    mine = event.joins - world.carried.label
    assert sub == "a" or not any(within(tag, "tenant/a") for tag in mine)


def stores(world: World) -> None:
    """A tenant's cell carries his tag whoever writes it, and only his; a listing of all tenants is refused if
    sealed.
    """
    rule = StoreRule(BUCKET, cells=(CellRule({"": "{t}/*"}, TENANT, TENANT),))
    others = tuple(r for r in world.policy.stores if r.target != BUCKET)
    policy = replace(world.policy, stores=(rule, *others), functions={})
    one = Extent(BUCKET, Part.CONTENT, Span.ONE, "a/x")
    call = replace(
        world.call,
        service="s3",
        operation="PutObject",
        resources=(BUCKET,),
        known=True,
        foreign="",
        actions=(),
        effect=Effect(changes=(one,), blind=True),
    )
    written = judged(replace(world, policy=policy, call=call), Mode.AUDIT)
    (rise, *_) = Judge(policy, world.stack).rises(call, written)
    assert "tenant/a" in rise.label
    assert "tenant/b" not in rise.label - world.who.label
    for sealed in (False, True):
        listing = replace(call, effect=Effect(reveals=(Extent(BUCKET, Part.NAMES, Span.ALL),)))
        shut = replace(policy, stores=(replace(rule, sealed=sealed), *others))
        listed = judged(replace(world, policy=shut, call=listing, silent=False, book={}))
        assert listed.passes is not sealed


@LAW
@given(worlds)
def test_a_field_that_nothing_fills_is_refused_and_never_guessed(world: World) -> None:
    holds(world)


@LAW
@given(worlds)
def test_what_a_cells_name_fills_is_stored_with_it(world: World) -> None:
    stores(world)
