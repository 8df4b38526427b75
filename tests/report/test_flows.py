"""What counts as a flow, an attempt and a refusal, asked of records alone.

Knows records as they are made by the courses. Does not run anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from valve_aws.model.call import Evidence
from valve_aws.model.cell import Cell
from valve_aws.model.policy import FlowPolicy, StoreRule, TagRule
from valve_aws.model.record import Record
from valve_aws.model.source import Invalid, Where
from valve_aws.model.stack import Code, Function, Resource, Stack
from valve_aws.model.verdict import Mode, Reason, Rule, Way
from valve_aws.report import Flows

QUEUE = "arn:aws:sqs:us-east-1:123456789012:jobs"
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/customers"
BUCKET = "arn:aws:s3:::archive"
WORKER = "arn:aws:lambda:us-east-1:123456789012:function:worker"
STACK = Stack(
    "app",
    "123456789012",
    "us-east-1",
    {"Worker": Function("Worker", "worker", WORKER, "app.handler", "python3.11", Code(inline=""))},
    {
        "Jobs": Resource("Jobs", "AWS::SQS::Queue", "jobs", QUEUE),
        "Customers": Resource("Customers", "AWS::DynamoDB::Table", "customers", TABLE),
        "Archive": Resource("Archive", "AWS::S3::Bucket", "archive", BUCKET),
        "Orders": Resource("Orders", "AWS::SQS::Queue", "orders.fifo", f"{QUEUE[:-4]}orders.fifo"),
    },
    folder=Path("/app"),
)
POLICY = FlowPolicy(
    Mode.ENFORCE,
    {"pii": TagRule("pii")},
    (StoreRule("https://api.partner.test/*"), StoreRule("ses:to/*")),
)
PII = frozenset({"pii/email"})


def record(ident: str, service: str, operation: str, *resources: str, **more: Any) -> Record:
    told = {"verdict": "allow", "mode": Mode.ENFORCE, "function": "Worker", "environment": "Worker-1",
            "invocation": "i1", "label": PII}  # fmt: skip
    return Record(
        ident, "2026-11-29T00:00:00.000Z", service, operation, "us-east-1", "123456789012",
        resources=resources, **{**told, **more},
    )  # fmt: skip


READ = record(
    "r-1", "dynamodb", "GetItem", TABLE, joined=PII, ways=(Way("pii/email", Cell(TABLE, "c1")),),
    evidence=Evidence("src/app.py", 3, "TABLE.get_item(…)"),
)  # fmt: skip
SENT = record("r-2", "sqs", "SendMessage", QUEUE, writes=PII, changes=(QUEUE,), ways=READ.ways)
STOPPED = record(
    "r-3", "sqs", "SendMessage", QUEUE, verdict="refuse", ways=READ.ways,
    reasons=(Reason(Rule.ACCEPTS, "pii/email; Jobs accepts nothing", Where("valve.yaml", 4, 3), QUEUE, PII),),
)  # fmt: skip
WALLED = record(
    "r-4", "valve", "Visit", "https://evil.example/x", verdict="refuse",
    reasons=(Reason(Rule.HOST, "no line names evil.example"),),
)  # fmt: skip
COPIED = record("r-5", "s3", "CopyObject", BUCKET, QUEUE, writes=PII, changes=(f"{BUCKET}/k",))
OPERATORS = record("r-6", "sqs", "SendMessage", QUEUE, writes=PII, changes=(QUEUE,), environment="",
                   function="operator", label=frozenset())  # fmt: skip
CLEARED = record(
    "r-7", "dynamodb", "GetItem", TABLE, verdict="refuse", label=frozenset(),
    reasons=(Reason(Rule.CLEARANCE, "pii/email", store=TABLE, excess=PII),),
)  # fmt: skip
RESULT = record("r-8", "valve", "Result")
DELIVERED = record(
    "r-9", "sqs", "SendMessage", QUEUE, verdict="refuse",
    reasons=(Reason(Rule.ACCEPTS, "what it delivers on to accepts nothing", store=BUCKET, excess=PII),),
)  # fmt: skip


def flows(*records: Record) -> Flows:
    return Flows(records, STACK, POLICY)


def reached(asked: Flows, tag: str, to: str) -> list[str]:
    return [r.ident for r in asked.reached(tag, asked.place(to))]


@pytest.mark.parametrize(
    ("records", "to", "found"),
    [
        ((READ, SENT), "Jobs", ["r-2"]),
        ((READ, STOPPED), "Jobs", ["r-3"]),
        ((READ, STOPPED), "jobs", ["r-3"]),
        ((READ, STOPPED), QUEUE, ["r-3"]),
        ((READ, SENT), "Customers", []),
        ((READ, DELIVERED), "Archive", ["r-9"]),
        ((READ, DELIVERED), "Jobs", []),
        ((READ, COPIED), "Archive", ["r-5"]),
        ((READ, COPIED), "Jobs", []),
        ((READ, WALLED), "evil.example", ["r-4"]),
        ((READ, WALLED), "https://evil.example/other", ["r-4"]),
        ((READ, WALLED), "api.partner.test", []),
        ((OPERATORS,), "Jobs", []),
        ((READ,), "Worker", ["r-1"]),
        ((CLEARED,), "Worker", ["r-7"]),
        ((CLEARED,), "Customers", []),
        ((READ, RESULT), "results", ["r-8"]),
    ],
)
def test_a_flow_is_what_took_a_tag_there_or_tried_to(
    records: tuple[Record, ...], to: str, found: list[str]
) -> None:
    assert reached(flows(*records), "pii", to) == found
    assert reached(flows(*records), "pii/email", to) == found
    assert reached(flows(*records), "card", to) == []


def test_whether_anything_carried_a_tag_is_about_functions() -> None:
    assert flows(READ).carried("pii")
    assert flows(CLEARED).carried("pii")
    assert not flows(OPERATORS).carried("pii")
    assert not flows(READ).carried("pi")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("Jbos", "nothing is called `Jbos`; did you mean `Jobs`"),
        ("customer", "nothing is called `customer`; did you mean `customers`"),
        ("api.partner.tset", "nothing is called `api.partner.tset`; did you mean `api.partner.test`"),
        ("", "nothing is called ``"),
        ("order.fifo", "nothing is called `order.fifo`; did you mean `orders.fifo`"),
        ("Customers.email", "nothing is called `Customers.email`; did you mean `Customers`"),
    ],
)
def test_a_name_that_there_is_not_is_told_with_the_nearest(written: str, told: str) -> None:
    with pytest.raises(Invalid) as mistake:
        flows(READ, WALLED).place(written)
    assert str(mistake.value).startswith(told)


def test_a_host_that_nobody_named_is_a_place_too() -> None:
    assert reached(flows(READ), "pii", "collector.example") == []
    assert flows().place("https://Order.FIFO/x").host == "order.fifo", "who says that it is one is believed"


@pytest.mark.parametrize(
    ("written", "target", "there"),
    [
        ("https://*.shop.test/*", "https://eu.shop.test/x", True),
        ("https://*.shop.test/*", "https://evil.example/x", False),
        ("arn:aws:s3:::{tenant}-data", "arn:aws:s3:::acme-data", True),
        ("arn:aws:s3:::{tenant}-data", "arn:aws:s3:::acme-data/key", True),
        ("arn:aws:s3:::{tenant}-data", "arn:aws:s3:::acme-loot", False),
    ],
)
def test_a_place_by_a_pattern_of_the_policy_s_is_what_the_pattern_fits(
    written: str, target: str, there: bool
) -> None:
    asked = Flows((), STACK, FlowPolicy(stores=(StoreRule(written),)))
    assert asked.place(written).among([target]) is there


def test_a_tag_must_be_declared() -> None:
    assert flows().tag("pii/name") == "pii/name"
    with pytest.raises(Invalid, match="declares no label `pij`; did you mean `pii`"):
        flows().tag("pij")


@pytest.mark.parametrize(
    ("allowed", "strange"),
    [
        ({"dynamodb:GetItem", "sqs:SendMessage"}, []),
        ({"dynamodb:GetItem Customers", "sqs:SendMessage Jobs", "evil.example"}, []),
        ({"dynamodb:GetItem Jobs", "sqs:SendMessage"}, ["r-1"]),
        ({"dynamodb:GetItem"}, ["r-3"]),
        (set(), ["r-1", "r-3"]),
    ],
)
def test_calls_beyond_those_allowed_are_found_refused_or_not(allowed: set[str], strange: list[str]) -> None:
    assert [r.ident for r in flows(READ, STOPPED, RESULT).strangers("Worker", allowed)] == strange


def test_refusals_are_told_apart_by_who_what_where_tag_and_rule() -> None:
    asked = flows(READ, STOPPED, WALLED, SENT)
    assert [r.ident for r in asked.refusals()] == ["r-3", "r-4"]
    assert [r.ident for r in asked.refusals(call="sqs:SendMessage")] == ["r-3"]
    assert [r.ident for r in asked.refusals(to=asked.place("evil.example"))] == ["r-4"]
    assert [r.ident for r in asked.refusals(rule="accepts")] == ["r-3"]
    assert [r.ident for r in asked.refusals(tag="card")] == []
    assert [r.ident for r in asked.refusals(function="Other")] == []


def test_a_flow_is_drawn_with_the_way_its_label_came() -> None:
    drawn = flows(READ, SENT).drawn(SENT, "pii")
    assert drawn.splitlines() == [
        "→ PASSED r-2  Worker → sqs:SendMessage Jobs    (sent)",
        "  carries   pii/email",
        "  came by   Customers/c1",
        "            → Worker dynamodb:GetItem Customers                  src/app.py:3",
    ]
    assert flows(READ, STOPPED).drawn(STOPPED).startswith("✗ REFUSED r-3  Worker → sqs:SendMessage Jobs")


def test_of_many_flows_the_first_few_are_drawn_and_all_are_counted() -> None:
    assert flows(SENT).told([SENT] * 5, "pii").endswith("… and 2 more")
