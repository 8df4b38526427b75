"""A small shop as the judgement sees it: its stack, its policy, and the calls that its functions make.

Knows one application. Does not know what is allowed in it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from valve_aws.flow import Judge
from valve_aws.model.call import Call, Effect
from valve_aws.model.cell import Extent, Part, Span
from valve_aws.model.label import Label
from valve_aws.model.policy import CellRule, FlowPolicy, FunctionRule, StoreRule, TagRule, Tags
from valve_aws.model.source import Where
from valve_aws.model.stack import Code, Delivery, Function, Resource, Stack, Statement
from valve_aws.model.verdict import Holding, Mode, Principal, Rule, Verdict, Way

OWN = "123456789012"
CUSTOMERS, ORDERS = (f"arn:aws:dynamodb:us-east-1:{OWN}:table/{name}" for name in ("customers", "orders"))
UPLOADS = "arn:aws:s3:::shop-uploads"
JOBS, DONE, SHARED, EVIL = (
    f"arn:aws:sqs:us-east-1:{account}:{name}"
    for account, name in ((OWN, "jobs"), (OWN, "done"), (OWN, "shared"), ("999999999999", "evil"))
)
STRIPE = "https://api.stripe.com/*"
WORKER, RESIZE = (f"arn:aws:lambda:us-east-1:{OWN}:function:shop-{name}" for name in ("worker", "resize"))

ANYTHING = Statement(True, ("*",), ("*",), loose=True, why="AdministratorAccess")


def tags(*patterns: str, line: int = 0) -> Tags:
    return Tags(patterns, Where("valve.yaml", line) if line else Where(""))


def store(target: str, written: str, line: int = 9, **more: Any) -> StoreRule:
    return StoreRule(
        target, written, declares_accepts="accepts" in more, where=Where("valve.yaml", line, 3), **more
    )


RULES = (
    store(CUSTOMERS, "Customers", 6, attributes={"email": tags("pii/email", line=6)}),
    store(
        ORDERS,
        "Orders",
        7,
        cells=(CellRule({"pk": "{tenant}#{id}"}, tags("tenant/{tenant}"), tags("tenant/{tenant}")),),
    ),
    store(UPLOADS, "Uploads", 8, cells=(CellRule({"": "{tenant}/*"}, tags("tenant/{tenant}")),)),
    store(JOBS, "Jobs", 9),
    store(STRIPE, STRIPE, 10, accepts=tags("card"), sources=("Worker",)),
    store("ses:to/{email}", "ses:to/{email}", 11, accepts=tags("user/{email}")),
    store("tcp://db.internal:5432", "tcp://db.internal:5432", 12, accepts=tags("pii")),
)


def key(*names: str) -> dict[str, Any]:
    kinds = ("HASH", "RANGE")
    return {"KeySchema": [{"AttributeName": n, "KeyType": k} for n, k in zip(names, kinds, strict=False)]}


def stack(*statements: Statement, deliveries: tuple[Delivery, ...] = (), **worker: Any) -> Stack:
    def function(logical: str, arn: str) -> Function:
        name = arn.rpartition(":")[2]
        return Function(
            logical, name, arn, "h.h", "python3.12", Code(inline=""), where=Where("template.yaml", 20)
        )

    resources = [
        Resource("Customers", "AWS::DynamoDB::Table", "customers", CUSTOMERS, key("id")),
        Resource("Orders", "AWS::DynamoDB::Table", "orders", ORDERS, key("pk", "sk")),
        Resource("Uploads", "AWS::S3::Bucket", "shop-uploads", UPLOADS),
        Resource("Jobs", "AWS::SQS::Queue", "jobs", JOBS),
        Resource("Done", "AWS::SQS::Queue", "done", DONE),
    ]
    mine = replace(function("Worker", WORKER), statements=statements or (ANYTHING,), **worker)
    other = replace(function("Resize", RESIZE), statements=(ANYTHING,))
    return Stack(
        "shop",
        OWN,
        "us-east-1",
        {"Worker": mine, "Resize": other},
        {r.logical: r for r in resources},
        deliveries,
    )


def policy(*rules: StoreRule, **more: Any) -> FlowPolicy:
    """The shop's policy, with `rules` in the place of those of the same target."""
    kept = tuple(r for r in RULES if r.target not in {each.target for each in rules})
    functions = {r.function: r for r in more.pop("functions", ())}
    only = {t.tag: t for t in more.pop("tags", ())}
    return FlowPolicy(Mode.ENFORCE, only, kept + rules, functions, file="valve.yaml", **more)


def worker(label: Label | set[str] = frozenset(), **more: Any) -> Principal:
    known = frozenset(label)
    return Principal("env-1", "Worker", known, tuple(Way(t) for t in sorted(known)), **more)


def function(**lines: Any) -> FunctionRule:
    return FunctionRule("Worker", where=Where("valve.yaml", 30), **lines)


def tag(name: str, *only_to: str) -> TagRule:
    return TagRule(name, only_to, Where("valve.yaml", 3))


def send(queue: str = JOBS) -> Call:
    changes = (
        Extent(queue, Part.CONTENT, Span.NEW),
        Extent(queue, Part.NAMES, Span.NEW),
        Extent(queue, Part.COUNTS, Span.ONE),
    )
    return Call(
        "sqs",
        "SendMessage",
        "us-east-1",
        (queue,),
        Effect(changes=changes, blind=True),
        actions=(("sqs:SendMessage", queue),),
    )


def get(table: str, name: str, *attributes: str) -> Call:
    touched = frozenset(attributes) if attributes else None
    reveals = (
        Extent(table, Part.CONTENT, Span.ONE, name, touched),
        Extent(table, Part.NAMES, Span.ONE, name),
    )
    return Call(
        "dynamodb",
        "GetItem",
        "us-east-1",
        (table,),
        Effect(reveals=reveals),
        actions=(("dynamodb:GetItem", table),),
    )


def put(store: str, name: str, service: str = "s3", operation: str = "PutObject", **effect: Any) -> Call:
    changes = (Extent(store, Part.CONTENT, Span.ONE, name), Extent(store, Part.NAMES, Span.ONE, name))
    done = Effect(**{"changes": changes, "blind": True, **effect})
    return Call(service, operation, "us-east-1", (store,), done, actions=((f"{service}:{operation}", store),))


def visit(url: str, operation: str = "Visit") -> Call:
    there = Extent(url)
    return Call("valve", operation, "", (url,), Effect(reveals=(there,), changes=(there,)))


def invoke(arn: str = RESIZE, waits: bool = True) -> Call:
    result = (Extent(arn, Part.CONTENT, Span.ONE),) if waits else ()
    effect = Effect(reveals=result, changes=(Extent(arn, Part.CONTENT, Span.NEW),), blind=not waits)
    return Call("lambda", "Invoke", "us-east-1", (arn,), effect, actions=(("lambda:InvokeFunction", arn),))


def ask(
    call: Call,
    who: Principal | None = None,
    rules: FlowPolicy | None = None,
    shop: Stack | None = None,
    mode: Mode | None = None,
    book: dict[Extent, Holding] | None = None,
) -> Verdict:
    judge = Judge(rules or policy(), shop or stack())
    held = {extent: (book or {}).get(extent, Holding()) for extent in judge.wants(call)}
    return judge.decide(call, who or worker(), held, mode)


def why(verdict: Verdict) -> list[Rule]:
    return [reason.rule for reason in verdict.refused]
