"""What a pipe makes of what it reads, for functions and for stores.

Knows the shapes of EventBridge Pipes. Does not know how anything is read or sent.
"""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest

from valve_aws.model.stack import Code, Function, Resource, Stack
from valve_aws.triggers import pipes, sending
from valve_aws.triggers.pipes import Pipe
from valve_aws.waking.piping import Piping

QUEUE = "arn:aws:sqs:eu-central-1:123456789012:in"
BUS = "arn:aws:events:eu-central-1:123456789012:event-bus/shop"
STREAM = "arn:aws:kinesis:eu-central-1:123456789012:stream/clicks"
MESSAGE = {
    "messageId": "m-1",
    "body": '{"id": 7, "name": "a \\"b\\"", "list": [1, 2], "deep": {"x": null}}',
    "attributes": {"SenderId": "who"},
    "eventSource": "aws:sqs",
}
RECORD = {
    "eventSource": "aws:kinesis",
    "partitionKey": "k",
    "data": base64.b64encode(b'{"n": 1}').decode(),
}


def pipe(source: str = QUEUE, target: str = BUS, **told: Any) -> Pipe:
    properties = {"Source": source, "Target": target, **told}
    (made,) = pipes.pipes([Resource("P", "AWS::Pipes::Pipe", "pipe-name", "", properties)])
    return made


def shaped(template: str, event: Any = MESSAGE) -> Any:
    return pipe(TargetParameters={"InputTemplate": template}).shaped("Target", event, 0.0)


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ('{"id": <$.body.id>, "name": <$.body.name>}', {"id": 7, "name": 'a "b"'}),
        ('{"t": "no <$.body.id>: <$.body.name>"}', {"t": 'no 7: a "b"'}),
        ('{"all": <$.body.list>, "second": <$.body.list[1]>}', {"all": [1, 2], "second": 2}),
        ('{"none": <$.body.missing>, "deep": <$.body.deep.x>}', {"none": None, "deep": None}),
        ("Order <$.body.id> of <$.attributes.SenderId>", "Order 7 of who"),
        ("<$.body.name>", 'a "b"'),
        ("<$.body.deep>", {"x": None}),
        ('"<$.body.id>"', "7"),
        ('{"p": "<aws.pipes.pipe-name>", "s": <aws.pipes.source-arn>}', {"p": "pipe-name", "s": QUEUE}),
        ('{"at": <aws.pipes.event.ingestion-time>}', {"at": "1970-01-01T00:00:00.000Z"}),
        ('{"e": <aws.pipes.event>}', {"e": MESSAGE}),
        ('{"e": <aws.pipes.event.json>}', {"e": {**MESSAGE, "body": json.loads(str(MESSAGE["body"]))}}),
        ("{not json <$.body.id>", "{not json 7"),
    ],
)
def test_a_template_is_filled_from_the_event_and_what_its_body_holds(template: str, made: Any) -> None:
    assert shaped(template) == made


@pytest.mark.parametrize(
    ("event", "template", "made"),
    [
        (RECORD, "<$.data.n>", 1),
        ({**RECORD, "data": "!"}, "<$.data>", "!"),
        ({**RECORD, "data": base64.b64encode(b"\xff").decode()}, "<$.data>", "/w=="),
        ({**MESSAGE, "body": "text"}, "<$.body>", "text"),
        ({**MESSAGE, "body": "5"}, "<$.body>", 5),
        ("an answer", "<$.body>", None),
        ([1], "[<$>]", [[1]]),
    ],
)
def test_content_that_is_no_json_is_a_text(event: Any, template: str, made: Any) -> None:
    assert shaped(template, event) == made


def test_without_a_template_an_event_goes_on_as_it_is() -> None:
    assert pipe().shaped("Target", MESSAGE, 0.0) is MESSAGE


def test_a_bus_is_told_of_the_pipe_where_nothing_else_is_said() -> None:
    parcel = pipe().parcel(MESSAGE, {"a": 1})
    (entry,) = sending.asked(BUS, parcel).params["Entries"]  # type: ignore[union-attr]  # a bus is known
    assert entry == {
        "Source": "Pipe pipe-name",
        "DetailType": "Event from aws:sqs",
        "Detail": '{"a": 1}',
        "Resources": [],
        "EventBusName": "shop",
    }


def test_a_parameter_that_is_a_path_is_what_the_event_has_there() -> None:
    parameters = {"DetailType": "$.body.name", "Source": "shop", "Resources": ["r"]}
    group = {"MessageGroupId": "$.body.id"}
    told = {"EventBridgeEventBusParameters": parameters, "SqsQueueParameters": group}
    parcel = pipe(TargetParameters=told).parcel(MESSAGE, "t")
    assert (parcel.detail, parcel.source, parcel.resources) == ('a "b"', "shop", ("r",))
    assert (parcel.group, parcel.duplicate, parcel.content) == ("7", "", b"t")


def test_a_stream_gets_each_record_with_its_key() -> None:
    told = {"KinesisStreamParameters": {"PartitionKey": "$.partitionKey"}}
    request = sending.asked(STREAM, pipe(STREAM, STREAM, TargetParameters=told).parcel(RECORD, {"n": 1}))
    assert request is not None
    assert request.params == {"StreamName": "clicks", "PartitionKey": "k", "Data": b'{"n": 1}'}


@pytest.mark.parametrize(
    ("source", "kind", "rules", "size"),
    [
        (QUEUE, "SQS", {"SqsQueueParameters": {"BatchSize": 3}}, 3),
        (STREAM, "Kinesis", {"KinesisStreamParameters": {"BatchSize": 4}}, 4),
        ("arn:aws:dynamodb:eu-central-1:123456789012:table/t/stream/s", "DynamoDB", {}, None),
    ],
)
def test_a_source_feeds_a_pipe_as_it_would_a_function(source: str, kind: str, rules: Any, size: Any) -> None:
    made = pipe(source, SourceParameters={**rules, "FilterCriteria": {"Filters": []}}).trigger
    assert made is not None
    assert (made.function, made.kind, made.source) == ("P", kind, source)
    assert (made.properties.get("BatchSize"), made.properties["Enabled"]) == (size, True)
    assert made.properties["Arn"] == "arn:aws:pipes:eu-central-1:123456789012:pipe/pipe-name"


def test_what_says_how_a_stream_s_batch_fails_is_said_as_a_mapping_says_it() -> None:
    failing = {"OnPartialBatchItemFailure": "AUTOMATIC_BISECT", "DeadLetterConfig": {"Arn": QUEUE}}
    made = pipe(STREAM, SourceParameters={"KinesisStreamParameters": failing}, DesiredState="STOPPED").trigger
    assert made is not None
    assert made.properties["BisectBatchOnFunctionError"] is True
    assert made.properties["DestinationConfig"] == {"OnFailure": {"Destination": QUEUE}}
    assert made.properties["Enabled"] is False


@pytest.mark.parametrize(
    ("target", "feeds", "single"),
    [
        (QUEUE, True, True),
        (BUS, True, True),
        (STREAM, True, True),
        ("arn:aws:sns:eu-central-1:123456789012:t", True, True),
        ("arn:aws:states:eu-central-1:123456789012:stateMachine:m", True, False),
        ("arn:aws:events:eu-central-1:123456789012:api-destination/crm/1", False, False),
        ("arn:aws:lambda:eu-central-1:123456789012:function:elsewhere", False, False),
        ("arn:aws:s3:::bucket", False, False),
        ("", False, False),
    ],
)
def test_of_a_target_it_is_known_how_it_is_given_anything(target: str, feeds: bool, single: bool) -> None:
    assert (pipe(target=target).feeds, pipe(target=target).single) == (feeds, single)


@pytest.mark.parametrize("source", ["", "arn:aws:kafka:eu-central-1:123456789012:cluster/c/1"])
def test_a_source_of_another_kind_feeds_nothing(source: str) -> None:
    assert pipe(source).trigger is None


def test_records_are_those_of_a_function_and_a_stream_s_are_flat() -> None:
    of_stream = {"kinesis": {"data": "eA==", "partitionKey": "k"}, "eventSource": "aws:kinesis"}
    assert pipes.events([of_stream, MESSAGE]) == [
        {"data": "eA==", "partitionKey": "k", "eventSource": "aws:kinesis"},
        {**MESSAGE, "md5OfMessageAttributes": None},
    ]
    assert "kinesis" in of_stream


@pytest.mark.parametrize(
    ("payload", "made"),
    [
        *((nothing, []) for nothing in (b"", b"null", b'""', b"{}", b"[]")),
        (b"[{}]", [{}]),
        (b'{"a": 1}', [{"a": 1}]),
        (b'"x"', ["x"]),
        (b"[1, 2]", [1, 2]),
    ],
)
def test_an_empty_answer_of_an_enrichment_is_no_event(payload: bytes, made: Any) -> None:
    assert pipes.answered(payload) == made


@pytest.mark.parametrize("payload", [b"{", b"\xff", b"[" * 100_000])
def test_an_answer_that_is_no_json_is_a_mistake(payload: bytes) -> None:
    with pytest.raises(ValueError):
        pipes.answered(payload)


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        (b'{"batchItemFailures": []}', True), (b'"fine"', False), (b"{}", False), (b"", False), (b"[", False),
        (b"[" * 100_000, False),
    ],
)
def test_of_an_answer_only_what_was_not_done_counts(payload: bytes, kept: bool) -> None:
    assert pipes.reported(payload) == (payload if kept else b"null")


def test_events_that_were_not_handed_on_are_named_as_their_source_names_them() -> None:
    change = {"eventSource": "aws:dynamodb", "dynamodb": {"SequenceNumber": "5"}}
    told = json.loads(pipes.undone([MESSAGE, {**RECORD, "sequenceNumber": "9"}, change]))
    assert [each["itemIdentifier"] for each in told["batchItemFailures"]] == ["m-1", "9", "5"]


LAMBDA = "arn:aws:lambda:eu-central-1:123456789012:function:f"
FUNCTION = Function("F", "f", LAMBDA, "a.h", "python3.11", Code())
DESTINATION = "arn:aws:events:eu-central-1:123456789012:api-destination/crm/1"


@pytest.mark.parametrize(
    ("embedded", "told", "why"),
    [
        (True, {}, ""),
        (False, {}, "between stores of a backend that somebody else runs"),
        (False, {"Target": FUNCTION.arn}, ""),
        (False, {"Enrichment": FUNCTION.arn}, ""),
        (True, {"Enrichment": FUNCTION.arn, "Target": FUNCTION.arn}, ""),
        (True, {"Enrichment": DESTINATION}, f"its enrichment `{DESTINATION}`"),
        (True, {"Enrichment": "{{unresolved:x}}"}, "its enrichment `{{unresolved:x}}`"),
        (True, {"Target": DESTINATION}, f"its target `{DESTINATION}`"),
        (True, {"Target": f"{FUNCTION.arn}2"}, f"its target `{FUNCTION.arn}2`"),
        (True, {"Source": "{{unresolved:y}}"}, "its source `{{unresolved:y}}`"),
    ],
)
def test_a_pipe_runs_as_a_whole_or_says_what_it_lacks(embedded: bool, told: dict[str, str], why: str) -> None:
    properties = {"Source": QUEUE, "Target": BUS, **told}
    made = Resource("P", "AWS::Pipes::Pipe", "pipe-name", "", properties)
    stack = Stack("s", "123456789012", "eu-central-1", {"F": FUNCTION}, {"P": made})
    versions = SimpleNamespace(meant=lambda stack, arn: stack.by_arn().get(arn))
    passage = SimpleNamespace(stack=stack, versions=versions)
    nobody: Any = None
    around = (nobody, nobody, nobody, nobody, nobody, nobody, nobody)
    piping = Piping(passage, *around, embedded)  # type: ignore[arg-type]  # it has what is used
    assert [trigger.function for trigger in piping.triggers()] == ([] if why else ["P"])
    found = list(piping.passed_over())
    assert len(found) == bool(why)
    assert all(line.startswith(f"the pipe `P`: {why}") for line in found)
    assert not list(piping.passed_over())
