"""What an event is taken out of is read off its envelope, and nothing within a body can change that.

Knows the shapes of triggers' events. Needs no LocalStack.
"""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from valve_aws.localstack.arrival import Unrecognised, failures, parts, taken, told_of, undone
from valve_aws.model.cell import Extent, one
from valve_aws.model.stack import KeySchema

ACCOUNT, REGION = "000000000000", "us-east-1"
QUEUE, TOPIC = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs", f"arn:aws:sns:{REGION}:{ACCOUNT}:news"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"
STREAM = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/flow"
INNER = {"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": "clean"}, "object": {"key": "k"}}}]}


def read(event: Any) -> tuple[str, list[tuple[str, tuple[Extent, ...]]]]:
    schemas = {TABLE: KeySchema(("id", "S"), ("at", "N"))}
    source, found = taken(json.dumps(event).encode(), schemas.get, REGION, ACCOUNT)
    return source, [(each.store, each.extents) for each in found]


MESSAGE = {"eventSource": "aws:sqs", "eventSourceARN": QUEUE, "messageId": "m1", "body": json.dumps(INNER)}
KEYS = {"id": {"S": "a/b"}, "at": {"N": "1.0"}}
IMAGE = {"Keys": KEYS, "NewImage": {"id": {"S": "other"}}, "SequenceNumber": "7"}
LOGS = gzip.compress(json.dumps({"logGroup": "/app", "logEvents": [{"message": json.dumps(INNER)}]}).encode())


@pytest.mark.parametrize(
    ("event", "source", "store", "extent"),
    [
        (
            {
                "Records": [
                    {
                        "eventSource": "aws:s3",
                        "s3": {"bucket": {"name": "uploads"}, "object": {"key": "a+b%2Fc"}},
                    }
                ]
            },
            "aws:s3",
            "arn:aws:s3:::uploads",
            one("arn:aws:s3:::uploads", "a b/c"),
        ),
        ({"Records": [MESSAGE]}, "aws:sqs", QUEUE, one(QUEUE, "m1")),
        (
            {
                "Records": [
                    {"EventSource": "aws:sns", "Sns": {"TopicArn": TOPIC, "MessageId": "n1", "Message": "{}"}}
                ]
            },
            "aws:sns",
            TOPIC,
            one(TOPIC, "n1"),
        ),
        (
            {
                "Records": [
                    {"eventSource": "aws:dynamodb", "eventSourceARN": f"{TABLE}/stream/1", "dynamodb": IMAGE}
                ]
            },
            "aws:dynamodb",
            TABLE,
            one(TABLE, "a%2Fb/1"),
        ),
        (
            {
                "Records": [
                    {
                        "eventSource": "aws:kinesis",
                        "eventSourceARN": STREAM,
                        "kinesis": {"sequenceNumber": "9"},
                    }
                ]
            },
            "aws:kinesis",
            STREAM,
            Extent(STREAM),
        ),
        (
            {"awslogs": {"data": base64.b64encode(LOGS).decode()}},
            "aws:logs",
            f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/app",
            Extent(f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/app"),
        ),
    ],
)
def test_the_envelope_names_the_cell(event: Any, source: str, store: str, extent: Extent) -> None:
    assert read(event) == (source, [(store, (extent,))])


@pytest.mark.parametrize(
    "event", [{}, [], "text", None, {"Records": []}, {"Records": [1]}, {"Records": [{"a": 1}]}]
)
def test_an_event_of_no_trigger_names_none(event: Any) -> None:
    assert read(event) == ("", [])


@pytest.mark.parametrize(
    "event",
    [
        {"Records": [{"eventSource": "aws:kafka"}]},
        {"eventSource": "aws:mq", "messages": []},
        {"Records": [MESSAGE, {"eventSource": "aws:s3"}]},  # of two sources
        {"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": "uploads"}}}]},
        {"Records": [{**MESSAGE, "eventSourceARN": TOPIC}]},
        {"Records": [{**MESSAGE, "eventSourceARN": 7}]},
        {
            "Records": [
                {
                    "eventSource": "aws:dynamodb",
                    "eventSourceARN": TABLE,
                    "dynamodb": {"Keys": {"id": {"S": "a"}}},
                }
            ]
        },
        {"awslogs": {"data": "no gzip"}},
        {"awslogs": {"data": base64.b64encode(gzip.compress(b"{")).decode()}},
    ],
)
def test_what_looks_like_a_trigger_s_and_cannot_be_told_is_not_taken_for_clean(event: Any) -> None:
    with pytest.raises(Unrecognised):
        read(event)


def test_the_parts_of_a_batch_are_the_batch() -> None:
    event = {"Records": [{"messageId": str(i)} for i in range(4)], "more": 1}
    first, second = (json.loads(part) for part in parts(json.dumps(event).encode(), [[0, 2], [1, 3]]))
    assert [r["messageId"] for r in first["Records"]] == ["0", "2"]
    assert [r["messageId"] for r in second["Records"]] == ["1", "3"]
    assert first["more"] == second["more"] == 1


@pytest.mark.parametrize(
    ("answer", "failed", "reports", "left"),
    [
        (b"null", False, True, ()),
        (b'{"batchItemFailures": []}', False, True, ()),
        (b'{"batchItemFailures": [{"itemIdentifier": "b"}]}', False, True, ("b",)),
        (b'{"batchItemFailures": [{"itemIdentifier": "b"}]}', False, False, ()),
        (b'{"batchItemFailures": [{"itemIdentifier": "x"}]}', False, True, ("a", "b")),
        (b'{"batchItemFailures": [{}]}', False, True, ("a", "b")),
        (b"[]", False, True, ()),
        (b"no json", False, True, ("a", "b")),
        (b'{"errorType": "E"}', True, False, ("a", "b")),
    ],
)
def test_what_a_function_was_not_done_with_is_what_it_says_or_all(
    answer: bytes, failed: bool, reports: bool, left: tuple[str, ...]
) -> None:
    assert undone(answer, ("a", "b"), failed, reports) == left
    assert json.loads(failures(left)) == {"batchItemFailures": [{"itemIdentifier": each} for each in left]}


def test_an_outcome_names_its_invocation() -> None:
    assert told_of(b'{"requestContext": {"requestId": "r1"}, "requestPayload": {}}') == "r1"
    assert [told_of(text) for text in (b"", b"[]", b'{"requestContext": 1}')] == ["", "", ""]
