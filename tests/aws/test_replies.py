"""A reply settles what it proves, and nothing more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from valve_aws.aws import Aws, AwsCall, Settled
from valve_aws.model.call import Effect
from valve_aws.model.cell import Cell, Extent, Part, Span, one
from valve_aws.model.ports import Outcome

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:q"
BUCKET = "arn:aws:s3:::b"
NEW = Effect(changes=(Extent(QUEUE, Part.CONTENT, Span.NEW), Extent(QUEUE, Part.NAMES, Span.NEW)))


def call(
    service: str, operation: str, effect: Effect = Effect(), protocol: str = "json", **params: Any
) -> AwsCall:
    """Return a call that was made."""
    return AwsCall(service, operation, "eu-west-1", (), effect, params, protocol=protocol)


def changes(*names: str) -> Effect:
    """Return the effect of writing objects."""
    return Effect(changes=tuple(one(BUCKET, name) for name in names))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.DONE),
        (204, Outcome.DONE),
        (304, Outcome.DONE),
        (301, Outcome.FAILED),
        (400, Outcome.FAILED),
        (403, Outcome.FAILED),
        (404, Outcome.FAILED),
        (412, Outcome.FAILED),
        (429, Outcome.FAILED),
        (408, Outcome.UNKNOWN),
        (500, Outcome.UNKNOWN),
        (503, Outcome.UNKNOWN),
        (100, Outcome.UNKNOWN),
    ],
)
def test_a_status_alone_says_done_failed_or_unknown(aws: Aws, status: int, outcome: Outcome) -> None:
    assert aws.reply(call("dynamodb", "PutItem"), status, (), None) == Settled(outcome)


@pytest.mark.parametrize(
    ("operation", "protocol", "body", "ids"),
    [
        ("SendMessage", "json", b'{"MessageId":"m1","MD5OfMessageBody":"x"}', ["m1"]),
        (
            "SendMessage",
            "query",
            b"<SendMessageResponse><SendMessageResult><MessageId>m1</MessageId></SendMessageResult>"
            b"</SendMessageResponse>",
            ["m1"],
        ),
        (
            "SendMessageBatch",
            "json",
            b'{"Successful":[{"Id":"a","MessageId":"m1"}],"Failed":[{"Id":"b","Code":"x"}]}',
            ["m1"],
        ),
        (
            "SendMessageBatch",
            "query",
            b"<R><SendMessageBatchResult><SendMessageBatchResultEntry><MessageId>m1</MessageId>"
            b"</SendMessageBatchResultEntry><SendMessageBatchResultEntry><MessageId>m2</MessageId>"
            b"</SendMessageBatchResultEntry></SendMessageBatchResult></R>",
            ["m1", "m2"],
        ),
    ],
)
def test_sent_messages_are_named_by_the_reply(
    aws: Aws, operation: str, protocol: str, body: bytes, ids: list[str]
) -> None:
    made = call("sqs", operation, NEW, protocol)
    assert aws.wants_reply(made) > len(body)
    assert aws.reply(made, 200, (), body) == Settled(Outcome.DONE, created=tuple(Cell(QUEUE, i) for i in ids))


@pytest.mark.parametrize("body", [b"", b"{}", b"not JSON", b"[]", b"\xff"])
def test_a_reply_that_names_nothing_leaves_the_outcome_unknown(aws: Aws, body: bytes) -> None:
    assert aws.reply(call("sqs", "SendMessage", NEW), 200, (), body).outcome is Outcome.UNKNOWN


def test_a_batch_of_which_nothing_was_sent_failed(aws: Aws) -> None:
    body = b'{"Successful":[],"Failed":[{"Id":"b","Code":"x","SenderFault":true}]}'
    assert aws.reply(call("sqs", "SendMessageBatch", NEW), 200, (), body) == Settled(Outcome.FAILED)


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ({"UnprocessedItems": {}}, Outcome.DONE),
        ({}, Outcome.DONE),
        ({"UnprocessedItems": {"t": [{}]}}, Outcome.UNKNOWN),
    ],
)
def test_a_batch_that_was_written_in_part_is_unknown(
    aws: Aws, reply: dict[str, Any], outcome: Outcome
) -> None:
    assert (
        aws.reply(call("dynamodb", "BatchWriteItem"), 200, (), json.dumps(reply).encode()).outcome is outcome
    )


@pytest.mark.parametrize(("headers", "version"), [
    ([("ETag", '"e"')], '"e"'), ([("etag", '"e"'), ("x-amz-version-id", "v1")], "v1"),
    ([("etag", '"e"'), ("x-amz-version-id", "null")], '"e"'),
])
def test_a_written_object_is_bound_to_its_version(
    aws: Aws, headers: list[tuple[str, str]], version: str
) -> None:
    made = call("s3", "PutObject", changes("k"), "rest-xml")
    assert aws.wants_reply(made) == 0
    assert aws.reply(made, 200, headers, None).versions == {Cell(BUCKET, "k"): version}


def test_a_copy_that_fails_with_status_200_is_unknown(aws: Aws) -> None:
    made = call("s3", "CopyObject", changes("k"), "rest-xml")
    done = aws.reply(made, 200, (), b"<CopyObjectResult><ETag>e</ETag></CopyObjectResult>")
    assert done == Settled(Outcome.DONE, {Cell(BUCKET, "k"): "e"})
    assert aws.reply(made, 200, (), b"<Error><Code>InternalError</Code></Error>").outcome is Outcome.UNKNOWN
    assert aws.reply(made, 200, (), b"").outcome is Outcome.UNKNOWN


def test_only_what_is_certainly_deleted_is_removed(aws: Aws) -> None:
    cell = Cell(BUCKET, "k")
    assert aws.reply(call("s3", "DeleteObject", changes("k")), 204, (), None).removed == (cell,)
    versioned = call("s3", "DeleteObject", changes("k"), VersionId="v1")
    assert aws.reply(versioned, 204, (), None).removed == ()
    some = call("s3", "DeleteObjects", changes("k", "l"), Delete={"Objects": [{"Key": "k"}, {"Key": "l"}]})
    told = b"<Deleted><Key>k</Key></Deleted><Error><Key>l</Key><Code>x</Code></Error>"
    body = b"<DeleteResult>" + told + b"</DeleteResult>"
    assert aws.reply(some, 200, (), body) == Settled(Outcome.UNKNOWN, removed=(cell,))
