"""Small random worlds: a policy, a stack, one call, who makes it, what the book holds.

Knows how to make them varied and mostly passable, so that each law meets cases on both sides. Does not know
the law.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeVar

from hypothesis import strategies as st

from valve_aws.model.call import Call, Effect
from valve_aws.model.cell import Cell, Extent, Part, Span
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.policy import (
    NONE,
    CellRule,
    FlowPolicy,
    FunctionRule,
    Grant,
    LogRule,
    OperationRule,
    StoreRule,
    Tags,
)
from valve_aws.model.stack import Code, Delivery, Function, Resource, Stack, Statement
from valve_aws.model.verdict import Held, Holding, Mode, Principal, Way

OWN = "123456789012"
BUCKET, TABLE = "arn:aws:s3:::uploads", f"arn:aws:dynamodb:us-east-1:{OWN}:table/customers"
JOBS, AUDIT, SHARED = (f"arn:aws:sqs:us-east-1:{OWN}:{name}" for name in ("jobs", "audit", "shared"))
PARTNER, FOREIGN = "arn:aws:s3:::partner", "arn:aws:sqs:us-east-1:999999999999:evil"
SITE, PAGE, OTHER = "https://api.example/*", "https://api.example/pay", "https://evil.example/"
WORKER, HELPER = (f"arn:aws:lambda:us-east-1:{OWN}:function:{name}" for name in ("worker", "helper"))
OURS = (BUCKET, TABLE, JOBS, AUDIT)
EVERYTHING = Statement(True, ("*",), ("*",), loose=True)

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """Everything that a decision depends on. `book` answers by store (as the policy names it) and part."""

    policy: FlowPolicy
    stack: Stack
    call: Call
    who: Principal
    book: Mapping[tuple[str, Part], Holding]
    silent: bool = False
    """The book does not answer."""
    carried: Holding = field(default=Holding())
    """What an event brings along that comes in here."""
    seed: int = 0

    def held(self, wants: tuple[Extent, ...]) -> Held:
        return {} if self.silent else {e: self.book.get((e.store, e.part), Holding()) for e in wants}

    def __repr__(self) -> str:
        return f"world({self.seed})"


class Dice(Random):
    """Draws with the odds in words."""

    def rarely(self, one_in: int) -> bool:
        return self.randrange(one_in) == 0

    def pick(self, of: Sequence[T]) -> T:
        return of[self.randrange(len(of))]

    def tags(self) -> Tags:
        """Tags of a line of the policy, `tenant` for every tenant's."""
        return Tags(tuple(self.sample(("pii", "pii/email", "card", "tenant"), self.randrange(4))))

    def label(self) -> Label:
        return frozenset(self.sample(("pii", "pii/email", "card", "tenant/a", "tenant/b"), self.randrange(3)))


def store_rule(dice: Dice, target: str) -> StoreRule:
    holds, sealed = dice.tags() if dice.rarely(3) else NONE, dice.rarely(6)
    rule = StoreRule(target, "", holds, dice.tags(), True, sealed=sealed)
    if target == BUCKET and dice.rarely(2):
        fielded = (NONE, Tags(("tenant/{t}",)), Tags(("tenant/{t}", "card")))
        rule = replace(rule, cells=(CellRule({"": "{t}/*"}, dice.pick(fielded), dice.pick(fielded)),))
    return rule


def policy(dice: Dice) -> FlowPolicy:
    named = [t for t in (*OURS, PARTNER, SITE) if not dice.rarely(5)]
    removes = dice.pick([{"pii": (JOBS,)}, {"pii": (BUCKET, SITE)}, {"card": (SITE,)}, {"tenant": (TABLE,)}])
    worker = FunctionRule("Worker", dice.tags() if dice.rarely(5) else None)
    worker = replace(worker, may_remove=removes if dice.rarely(3) else {})
    helper = FunctionRule("Helper", dice.tags() if dice.rarely(2) else None)
    events = dice.pick([NONE, Tags(("pii",)), Tags(("card", "tenant/{sub}"))])
    results = dice.pick([NONE, Tags(("pii",)), Tags(("tenant/{sub}", "card"))])
    grants = (Grant(("Worker",), (BUCKET, JOBS)),) if dice.rarely(2) else ()
    return FlowPolicy(
        Mode.ENFORCE, {}, tuple(store_rule(dice, t) for t in named), {"Worker": worker, "Helper": helper},
        {"Worker.Api": events}, {"Worker.Api": results, "default": dice.tags()},
        LogRule(dice.tags(), {"order": "ORD-[0-9]{1,3}"}), (OperationRule("new", "Thing"),), grants)


def stack(dice: Dice) -> Stack:
    statements = (EVERYTHING, Statement(True, ("sqs:*",), (SHARED,))) if dice.rarely(2) else (EVERYTHING,)
    functions = {
        name: Function(name, name.lower(), arn, "h.h", "python3.12", Code(inline=""), statements=statements)
        for name, arn in (("Worker", WORKER), ("Helper", HELPER))}
    kinds = {BUCKET: "S3::Bucket", TABLE: "DynamoDB::Table", JOBS: "SQS::Queue", AUDIT: "SQS::Queue"}
    resources = {}
    for arn, kind in kinds.items():
        kept = {"VersioningConfiguration": {"Status": "Enabled"}} if arn == BUCKET and dice.rarely(3) else {}
        resources[arn[-5:]] = Resource(arn[-5:], f"AWS::{kind}", arn[-5:], arn, kept)
    edges = [Delivery(BUCKET, JOBS), Delivery(JOBS, AUDIT), Delivery(TABLE, HELPER), Delivery(AUDIT, OTHER)]
    return Stack("s", OWN, "us-east-1", functions, resources, tuple(e for e in edges if dice.rarely(4)))


def extent(dice: Dice, stores: Sequence[str], fresh: bool = False) -> Extent:
    part = dice.pick([Part.CONTENT, Part.CONTENT, Part.CONTENT, Part.NAMES, Part.COUNTS])
    span = dice.pick([Span.ONE, Span.ONE, Span.ALL, *([Span.NEW] if fresh else [])])
    name = dice.pick(["a/x", "b/y", "plain"]) if span is Span.ONE else ""
    return Extent(dice.pick(stores), part, span, name)


def call(dice: Dice) -> Call:
    kind = dice.randrange(8)
    if kind == 0:
        there = Extent(dice.pick([PAGE, PAGE, OTHER]))
        return Call("valve", "Visit", "", (there.store,), Effect(reveals=(there,), changes=(there,)))
    if kind == 1:
        waits = dice.rarely(2)
        result = (Extent(HELPER, Part.CONTENT, Span.ONE),) if waits else ()
        effect = Effect(reveals=result, changes=(Extent(HELPER, Part.CONTENT, Span.NEW),), blind=not waits)
        actions = (("lambda:InvokeFunction", HELPER),)
        return Call("lambda", "Invoke", "us-east-1", (HELPER,), effect, actions=actions)
    places = (*OURS, PARTNER, FOREIGN, SHARED) if dice.rarely(4) else OURS
    lists = [tuple(extent(dice, places, fresh=i == 2) for _ in range(dice.randrange(3))) for i in range(3)]
    effect = Effect(*lists, opens="opens it" if dice.rarely(8) else "", blind=dice.rarely(2),
                    delivers=(dice.pick([AUDIT, FOREIGN]),) if dice.rarely(8) else ())
    stores = tuple(dict.fromkeys(e.store for part in lists for e in part))
    known = not dice.rarely(12)
    operation = dice.pick(["PutObject", "PutItem", "UpdateItem"]) if known else "Other"
    service = {"PutObject": "s3", "Other": "new"}.get(operation, "dynamodb")
    return Call(service, operation, "us-east-1", stores, effect, known=known,
                actions=tuple((f"{s.split(':')[2]}:Send", s) for s in stores),
                foreign="signed with another key" if dice.rarely(16) else "")


def holding(dice: Dice) -> Holding:
    label = dice.label()
    ways = tuple(Way(t, Cell(JOBS, "m"), record="r-1") for t in sorted(label))
    return Holding(label, not dice.rarely(4), ways)


def world(seed: int) -> World:
    """Return the world of a number."""
    dice = Dice(seed)
    label = dice.label() if dice.rarely(2) else CLEAN
    fields = dice.pick([{}, {"sub": "a"}, {"sub": ""}, {"sub": "a/b"}])
    ways = tuple(Way(t) for t in sorted(label))
    who = Principal("env-1", "Worker", label, ways, dice.pick(["", "Worker.Api"]), fields)
    called = call(dice)
    silent = called.service != "lambda" and dice.rarely(12)
    parts = (Part.CONTENT, Part.NAMES, Part.COUNTS)
    places = [(s, p) for s in (*OURS, PARTNER, FOREIGN, SHARED, SITE, OTHER) for p in parts]
    book = {} if silent else {place: holding(dice) for place in dice.sample(places, 8)}
    return World(policy(dice), stack(dice), called, who, book, silent, holding(dice), seed)


worlds = st.integers(0, 2**48).map(world)
