"""What a handler's invocation brings along and what leaves by its end: events, results, other handlers.

Knows events of Lambda's shapes. Does not know how calls are taken in.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import wraps
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.hook.conftest import at, queue, waiting
from tests.hook.test_leaks import guard, seed
from valve_aws.hook.invocation import EventRefused, ResultRefused

LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function:"


def echo(event: Any, context: Any) -> Any:
    return event


def send(event: Any, context: Any) -> None:
    at("sqs").send_message(QueueUrl=queue("jobs"), MessageBody="x")


def of_a_queue(name: str, idents: list[str]) -> Any:
    arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
    return {"Records": [{"eventSource": "aws:sqs", "eventSourceARN": arn, "messageId": i} for i in idents]}


def test_an_event_brings_the_labels_of_its_source(cloud: Any) -> None:
    with guard() as valve:
        valve.handler("Worker", send)({}, None)
        with pytest.raises(ClientError):
            valve.handler("Worker", send, event_source="Worker.Api")({}, None)
    assert waiting("jobs") == ["x"]
    refused = next(r for r in valve.refusals if r.operation == "SendMessage")
    assert refused.reasons[0].excess == {"card"}


def test_that_labels_of_events_do_not_apply_is_told_once(cloud: Any) -> None:
    told: list[str] = []
    with guard(say=told.append) as valve:
        for _ in range(2):
            valve.handler("Worker", echo)({}, None)
    assert told == ['valve: the event\'s labels do not apply without event_source="Worker.Api"']


def test_a_message_brings_its_own_label_whoever_received_it(cloud: Any) -> None:
    def fills(event: Any, context: Any) -> str:
        at("dynamodb").get_item(TableName="customers", Key={"id": {"S": "c1"}})
        ident: str = at("sqs").send_message(QueueUrl=queue("vault"), MessageBody="x")["MessageId"]
        return ident

    with guard() as valve:
        seed()
        labelled = valve.handler("Worker", fills)({}, None)
        plain = at("sqs").send_message(QueueUrl=queue("vault"), MessageBody="mine")["MessageId"]
        valve.handler("Helper", send)(of_a_queue("vault", [plain]), None)
        with pytest.raises(ClientError):
            valve.handler("Helper", send)(of_a_queue("vault", [plain, labelled]), None)
    assert waiting("jobs") == ["x"]
    admitted = [r for r in valve.records if r.operation == "Admit" and r.function == "Helper"]
    assert [sorted(r.joined) for r in admitted] == [[], ["pii/email"]]


@pytest.mark.parametrize(
    ("record", "label"),
    [
        ({"eventSource": "aws:s3",
          "s3": {"bucket": {"name": "uploads-bucket"}, "object": {"key": "a+b"}}}, "pii/scan"),
        ({"eventSource": "aws:dynamodb", "dynamodb": {"Keys": {"id": {"S": "c1"}}},
          "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/customers/stream/1"}, "pii/email"),
        ({"eventSource": "aws:other", "eventSourceARN": "arn:aws:s3:::uploads-bucket"}, "pii/scan"),
    ],
)  # fmt: skip
def test_records_of_other_sources_bring_what_their_store_holds(cloud: Any, record: Any, label: str) -> None:
    with guard() as valve:
        seed()
        with pytest.raises(ClientError):
            valve.handler("Helper", send)({"Records": [record]}, None)
    assert [sorted(r.joined) for r in valve.records if r.operation == "Admit"] == [[label]]


def test_an_event_beyond_the_clearance_is_not_seen_by_the_function(cloud: Any) -> None:
    seen: list[Any] = []
    with guard() as valve, pytest.raises(EventRefused) as raised:
        valve.handler("Cleared", lambda event, context: seen.append(event))(of_a_queue("sealed", ["m"]), None)
    assert seen == []
    assert raised.value.record in str(raised.value)
    assert [(r.ident, r.reasons[0].rule) for r in valve.refusals] == [(raised.value.record, "clearance")]


def test_a_result_is_judged_before_the_caller_has_it(cloud: Any) -> None:
    def reads(event: Any, context: Any) -> str:
        return str(at("dynamodb").get_item(TableName="customers", Key={"id": {"S": "c1"}})["Item"]["email"])

    with guard() as valve:
        seed()
        assert "a@b.c" in valve.handler("Worker", reads)({}, None)
        with pytest.raises(ResultRefused):
            valve.handler("Worker", reads, event_source="Worker.Api")({}, None)
    assert [(r.operation, r.reasons[0].rule) for r in valve.refusals] == [("Result", "result")]


def test_an_error_reaches_the_operator_and_is_judged_all_the_same(cloud: Any) -> None:
    def fails(event: Any, context: Any) -> None:
        at("dynamodb").get_item(TableName="customers", Key={"id": {"S": "c1"}})
        raise KeyError("c1")

    with guard() as valve:
        seed()
        with pytest.raises(KeyError, match="c1"):
            valve.handler("Worker", fails, event_source="Worker.Api")({}, None)
    assert [(r.operation, r.reasons[0].rule) for r in valve.refusals] == [("Result", "result")]


def decorated(function: Callable[..., Any]) -> Any:
    """As many decorators are written: what a coroutine function is wrapped in is none."""

    @wraps(function)
    def around(event: Any, context: Any) -> Any:
        return function(event, context)

    return around


@decorated
async def reads_later(event: Any, context: Any) -> str:
    await asyncio.sleep(0)
    item = at("dynamodb").get_item(TableName="customers", Key={"id": {"S": "c1"}})["Item"]
    await asyncio.sleep(0)
    if event.get("sends"):
        send(event, context)
    if event.get("fails"):
        raise KeyError(item["email"]["S"])
    return str(item["email"]["S"])


def test_what_a_handler_returns_to_be_awaited_is_its_own_to_the_end(cloud: Any) -> None:
    with guard() as valve:
        seed()
        handler = valve.handler("Worker", reads_later)
        assert asyncio.run(handler({}, None)) == "a@b.c"
        with pytest.raises(ClientError):
            asyncio.run(handler({"sends": True}, None))
        labelled = valve.handler("Worker", reads_later, event_source="Worker.Api")
        with pytest.raises(ResultRefused):
            asyncio.run(labelled({}, None))
        with pytest.raises(KeyError):
            asyncio.run(labelled({"fails": True}, None))
    assert waiting("jobs") == []
    assert {r.function for r in valve.records if r.operation == "GetItem"} == {"Worker"}
    assert [r.operation for r in valve.refusals] == ["SendMessage", "Result", "Result"]


def test_a_handler_that_is_a_generator_is_a_mistake_that_is_told(cloud: Any) -> None:
    def yields(event: Any, context: Any) -> Any:
        yield send(event, context)

    async def later(event: Any, context: Any) -> Any:
        yield send(event, context)

    with guard() as valve:
        for handler in (yields, later):
            with pytest.raises(TypeError, match="Worker is a generator"):
                valve.handler("Worker", handler)({}, None)
    assert waiting("jobs") == []


def test_an_error_keeps_its_cause_and_one_that_ends_the_process_is_judged_too(cloud: Any) -> None:
    cause = OSError("first")

    def fails(event: Any, context: Any) -> None:
        at("dynamodb").get_item(TableName="customers", Key={"id": {"S": "c1"}})
        raise SystemExit(3) from cause

    def asks(event: Any, context: Any) -> Any:
        name = valve.stack.functions["Helper"].name
        told = json.loads(at("lambda").invoke(FunctionName=name)["Payload"].read())
        send(event, context)
        return told

    with guard() as valve:
        seed()
        with pytest.raises(SystemExit) as raised:
            valve.handler("Worker", fails, event_source="Worker.Api")({}, None)
        assert raised.value.__cause__ is cause
        valve.handler("Helper", fails)
        with pytest.raises(ClientError):
            valve.handler("Worker", asks)({}, None)
    assert [(r.function, r.operation) for r in valve.refusals] == [
        ("Worker", "Result"), ("Worker", "SendMessage")
    ]  # fmt: skip


def test_one_handler_invokes_another_and_what_comes_back_has_its_label(cloud: Any) -> None:
    def asks(event: Any, context: Any) -> Any:
        reply = at("lambda").invoke(FunctionName=event["function"], Payload=json.dumps({"id": "c1"}))
        answer = json.loads(reply["Payload"].read())
        send(event, context)
        return reply.get("FunctionError"), answer

    def looks(event: Any, context: Any) -> Any:
        item = at("dynamodb").get_item(TableName="customers", Key={"id": {"S": event["id"]}})["Item"]
        return item["email"]["S"]

    def breaks(event: Any, context: Any) -> Any:
        raise ValueError(f"no {event['id']}")

    with guard() as valve:
        seed()
        worker, helper = valve.stack.functions["Worker"].name, valve.stack.functions["Helper"].name
        handler = valve.handler("Worker", asks)
        valve.handler("Helper", breaks)
        assert handler({"function": helper}, None) == (
            "Unhandled", {"errorMessage": "no c1", "errorType": "ValueError"}
        )  # fmt: skip
        valve.handler("Helper", lambda event, context: {1, 2})
        assert handler({"function": helper}, None)[1]["errorType"] == "Runtime.MarshalError"
        valve.handler("Helper", looks)
        with pytest.raises(ClientError) as raised:
            handler({"function": helper}, None)
        assert raised.value.operation_name == "SendMessage"
        with pytest.raises(ClientError) as raised:
            handler({"function": "nobody"}, None)
        assert raised.value.operation_name == "Invoke"
    assert waiting("jobs") == ["x", "x"]
    inner = [r for r in valve.records if r.function == "Helper" and r.operation == "GetItem"]
    assert inner[0].cause == [r.ident for r in valve.records if r.operation == "Invoke"][2]
    assert worker != helper


def reads(event: Any, context: Any) -> str:
    item = at("dynamodb").get_item(TableName="customers", Key={"id": {"S": "c1"}})["Item"]
    return str(item["email"]["S"])


def test_a_handler_that_is_called_as_a_function_gets_its_caller_s_label_and_gives_its_own_back(
    cloud: Any,
) -> None:
    with guard() as valve:
        seed()
        at("sqs").send_message(QueueUrl=queue("jobs"), MessageBody="mine")

        def hands_on(event: Any, context: Any) -> None:
            reads(event, context)
            valve.handler("Helper", send)(event, context)

        def gets_back(event: Any, context: Any) -> None:
            valve.handler("Helper", reads)(event, context)
            send(event, context)

        def gets_an_error(event: Any, context: Any) -> None:
            with pytest.raises(KeyError):
                asyncio.run(valve.handler("Helper", reads_later)({"fails": True}, context))
            send(event, context)

        async def waits(event: Any, context: Any) -> None:
            await valve.handler("Helper", reads_later)({}, context)
            send(event, context)

        def is_refused(event: Any, context: Any) -> None:
            reads(event, context)
            valve.handler("Cleared", echo)(event, context)

        for leak in (hands_on, gets_back, gets_an_error):
            with pytest.raises(ClientError):
                valve.handler("Worker", leak)({}, None)
        with pytest.raises(ClientError):
            asyncio.run(valve.handler("Worker", waits)({}, None))
        with pytest.raises(EventRefused):
            valve.handler("Worker", is_refused)({}, None)
        assert waiting("jobs") == ["mine"]
        valve.handler("Worker", lambda *given: valve.handler("Helper", send)(*given))({}, None)
    assert waiting("jobs") == ["mine", "x"]


@pytest.mark.parametrize("by_its_client", [True, False], ids=["invoked", "called"])
def test_what_a_handler_knew_when_another_got_its_result_is_kept(by_its_client: bool, cloud: Any) -> None:
    """That result has no record: the one who gets it is no exit."""

    def asks(event: Any, context: Any) -> None:
        if by_its_client:
            at("lambda").invoke(FunctionName=valve.stack.functions["Helper"].name)
        else:
            helper(event, context)

    with guard() as valve:
        seed()
        helper = valve.handler("Helper", reads)
        valve.handler("Worker", asks)({}, None)
        assert valve.ledger.learned == {"Helper": {"pii/email"}}


def test_a_payload_comes_as_it_is_given_and_one_that_is_none_is_refused_as_lambda_does(cloud: Any) -> None:
    def asks(event: Any, context: Any) -> Any:
        name = valve.stack.functions["Helper"].name
        return json.loads(at("lambda").invoke(FunctionName=name, Payload=event["given"])["Payload"].read())

    with guard() as valve:
        valve.handler("Helper", echo)
        handler = valve.handler("Worker", asks)
        for given in ('{"n": 1}', b'{"n": 1}', bytearray(b'{"n": 1}'), BytesIO(b'{"n": 1}')):
            assert handler({"given": given}, None) == {"n": 1}
        assert handler({"given": b""}, None) == {}
        with pytest.raises(ClientError, match="InvalidRequestContentException"):
            handler({"given": b"{"}, None)
    assert len([r for r in valve.records if r.function == "Helper" and r.operation == "Admit"]) == 5


def test_nobody_waits_for_an_event_that_is_handed_over(cloud: Any) -> None:
    ran: list[Any] = []

    def asks(event: Any, context: Any) -> int:
        reply = at("lambda").invoke(
            FunctionName=valve.stack.functions["Helper"].arn, InvocationType="Event", Payload=b'{"n": 1}'
        )
        return int(reply["StatusCode"])

    def fails(event: Any, context: Any) -> None:
        ran.append(event)
        raise ValueError

    with guard() as valve:
        valve.handler("Helper", fails)
        assert valve.handler("Worker", asks)({}, None) == 202
    assert ran == [{"n": 1}]


def test_a_table_that_the_test_creates_tells_its_items_apart(cloud: Any) -> None:
    """As most tests under a mock do: the template names the table, the test makes it."""
    at("dynamodb").delete_table(TableName="customers")

    def reads(event: Any, context: Any) -> None:
        at("dynamodb").get_item(TableName="made-here", Key={"k": {"S": "1"}})

    with guard(mode="audit") as valve:
        at("dynamodb").create_table(
            TableName="made-here",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        )
        valve.handler("Worker", reads)({}, None)
    read = next(r for r in valve.records if r.operation == "GetItem")
    assert read.parameters == {"item": "made-here/1"}
    assert [reason.rule for reason in read.reasons] == ["perimeter"]


def test_the_line_that_calls_is_told_also_for_what_a_transfer_s_threads_do(cloud: Any) -> None:
    import io

    def moves(event: Any, context: Any) -> None:
        at("s3").upload_fileobj(io.BytesIO(b"x"), "uploads-bucket", "k")

    with guard() as valve:
        valve.handler("Worker", moves)({}, None)
    put = next(r for r in valve.records if r.operation == "PutObject")
    assert put.evidence.text.startswith('at("s3").upload_fileobj')
    assert put.evidence.file.endswith("test_invocations.py")
