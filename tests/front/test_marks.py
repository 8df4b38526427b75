"""A mark that comes back names the call that it was put on, and what is not known again is adrift.

Knows calls as commands. Needs no LocalStack.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from valve_aws.course.commands import Forward
from valve_aws.localstack import marks as module
from valve_aws.localstack.marks import Marks
from valve_aws.model.call import Call, Effect
from valve_aws.model.cell import Cell, one
from valve_aws.model.verdict import Holding, Way

PII = frozenset({"pii"})
B = "arn:aws:lambda:us-east-1:000000000000:function:B"


def sent(service: str = "lambda", operation: str = "Invoke", record: str = "r-1", **params: str) -> Forward:
    call = Call(service, operation, "us-east-1", (B,), Effect(changes=(one(B, ""),)), params)
    return Forward(record, call, PII, (Way("pii", Cell("arn:aws:s3:::people", "alice")),))


@pytest.fixture
def marks() -> Marks:
    return Marks(random.Random(1).randbytes, lambda: 1_700_000_000.0)


def test_a_mark_names_its_call_whatever_stands_beside_it(marks: Marks) -> None:
    ((name, trace),) = marks.marks(sent())
    assert name == "x-amzn-trace-id"
    _, found = marks.known(f"Self=1;{trace};Lineage=a")
    assert found is not None
    assert (found.record, found.carried.label, found.waits) == ("r-1", PII, True)
    assert found.carried.ways == (Way("pii", Cell(B, "event"), record="r-1"),)


@pytest.mark.parametrize(
    "trace",
    ["", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", "Root=1-6553f100-zz", "Root=", "x" * 500],
)
def test_no_other_header_names_a_call(marks: Marks, trace: str) -> None:
    marks.marks(sent())
    assert marks.known(trace)[1] is None


def test_two_calls_have_two_marks(marks: Marks) -> None:
    one_, other = (marks.known(marks.marks(sent(record=r))[0][1])[1] for r in ("r-1", "r-2"))
    assert (one_ and one_.record, other and other.record) == ("r-1", "r-2")


@pytest.mark.parametrize(
    ("service", "operation", "params", "marked", "waits", "adrift"),
    [
        ("lambda", "Invoke", {"InvocationType": "Event"}, True, False, False),
        ("lambda", "InvokeAsync", {}, True, False, False),
        ("events", "PutEvents", {}, True, False, False),
        ("s3", "PutObject", {}, False, False, False),
        ("sqs", "SendMessage", {}, False, False, False),
        ("stepfunctions", "StartExecution", {}, False, False, False),
        ("secretsmanager", "PutSecretValue", {}, False, False, False),
        ("secretsmanager", "RotateSecret", {}, False, False, True),
        ("cloudwatch", "PutMetricData", {}, False, False, True),
        ("firehose", "PutRecord", {}, False, False, True),
        ("scheduler", "CreateSchedule", {}, False, False, True),
    ],
)
def test_a_label_goes_where_its_way_is_followed_or_is_adrift(
    marks: Marks,
    service: str,
    operation: str,
    params: dict[str, str],
    marked: bool,
    waits: bool,
    adrift: bool,
) -> None:
    headers = marks.marks(sent(service, operation, **params))
    assert bool(headers) is marked
    assert (marks.adrift == PII) is adrift
    if marked:
        found = marks.known(headers[0][1])[1]
        assert found is not None
        assert found.waits is waits


def test_what_a_function_has_learned_goes_back_with_the_answer_and_the_mark_ends(marks: Marks) -> None:
    call = sent()

    async def answered() -> Holding:
        return marks.brought(call)

    trace = marks.marks(call)[0][1]
    mark, _ = marks.known(trace)
    marks.learned(mark, Holding(frozenset({"card"})))
    assert asyncio.run(answered()).label == {"card"}
    assert marks.known(trace)[1] is None


def test_an_event_s_mark_outlives_the_answer_as_it_may_be_tried_again(marks: Marks) -> None:
    call = sent(InvocationType="Event")

    async def answered() -> Holding:
        return marks.brought(call)

    trace = marks.marks(call)[0][1]
    assert asyncio.run(answered()).label == frozenset()
    assert marks.known(trace)[1] is not None


def test_a_mark_that_is_forgotten_leaves_its_label_adrift(
    marks: Marks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    first = marks.marks(sent(record="r-1", InvocationType="Event"))[0][1]
    for record in ("r-2", "r-3"):
        marks.marks(replace(sent(record=record, InvocationType="Event"), carries=frozenset()))
    assert marks.known(first)[1] is None
    assert marks.adrift == PII


@pytest.mark.parametrize("forgotten", ["before the function has ended", "after"])
def test_who_waits_is_told_what_was_learned_for_it_also_when_its_mark_was_forgotten(
    marks: Marks, monkeypatch: pytest.MonkeyPatch, forgotten: str
) -> None:
    monkeypatch.setattr(module, "KEPT", 2)

    def flood() -> None:
        for record in ("r-2", "r-3"):
            marks.marks(replace(sent(record=record, InvocationType="Event"), carries=frozenset()))

    async def answered() -> Holding:
        return marks.brought(call)

    call = replace(sent(), carries=frozenset())
    mark, _ = marks.known(marks.marks(call)[0][1])
    if forgotten == "after":
        marks.learned(mark, Holding(PII))
    flood()
    if forgotten != "after":
        marks.learned(mark, Holding(PII))
    assert asyncio.run(answered()).label == PII
