"""What an SDK of 2019 sends is read as what it meant: the query protocol of SQS, version 2 signatures, old
host names."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.wire.sdk import ACCOUNT, KEY, REGION
from valve_aws.aws import Aws, AwsCall, Endpoint
from valve_aws.model.call import Head, Origin, Unreadable
from valve_aws.model.stack import KeySchema

SENT_AT = datetime(2026, 11, 23, 21, 50, tzinfo=UTC)
QUEUE = f"https://{REGION}.queue.amazonaws.com/{ACCOUNT}/jobs"
TEXT = {"DataType": "String", "StringValue": "v"}

MEANT: dict[str, Any] = {
    "SendMessage": {
        "QueueUrl": QUEUE,
        "MessageBody": "a b&c",
        "DelaySeconds": 3,
        "MessageAttributes": {"k": TEXT, "b": {"DataType": "Binary", "BinaryValue": b"\0\1"}},
    },
    "SendMessageBatch": {
        "QueueUrl": QUEUE,
        "Entries": [
            {"Id": "1", "MessageBody": "x"},
            {"Id": "2", "MessageBody": "y", "DelaySeconds": 1, "MessageAttributes": {"k": TEXT}},
        ],
    },
    "ReceiveMessage": {
        "QueueUrl": QUEUE,
        "MaxNumberOfMessages": 10,
        "AttributeNames": ["All"],
        "MessageAttributeNames": ["k", "x.*"],
    },
    "DeleteMessage": {"QueueUrl": QUEUE, "ReceiptHandle": "AQEB/+=="},
    "DeleteMessageBatch": {
        "QueueUrl": QUEUE,
        "Entries": [{"Id": "1", "ReceiptHandle": "r1"}, {"Id": "2", "ReceiptHandle": "r2"}],
    },
    "ChangeMessageVisibility": {"QueueUrl": QUEUE, "ReceiptHandle": "r", "VisibilityTimeout": 5},
    "ChangeMessageVisibilityBatch": {
        "QueueUrl": QUEUE,
        "Entries": [{"Id": "1", "ReceiptHandle": "r1", "VisibilityTimeout": 3}],
    },
    "GetQueueUrl": {"QueueName": "jobs"},
    "GetQueueAttributes": {"QueueUrl": QUEUE, "AttributeNames": ["QueueArn", "Policy"]},
    "SetQueueAttributes": {"QueueUrl": QUEUE, "Attributes": {"DelaySeconds": "5"}},
    "CreateQueue": {"QueueName": "jobs", "Attributes": {"DelaySeconds": "1", "VisibilityTimeout": "3"}},
    "TagQueue": {"QueueUrl": QUEUE, "Tags": {"a": "1", "b": "2"}},
    "UntagQueue": {"QueueUrl": QUEUE, "TagKeys": ["a", "b"]},
    "AddPermission": {
        "QueueUrl": QUEUE,
        "Label": "l",
        "AWSAccountIds": ["111122223333"],
        "Actions": ["SendMessage", "ReceiveMessage"],
    },
    "ListQueues": {"QueueNamePrefix": "j"},
    "PurgeQueue": {"QueueUrl": QUEUE},
    "CopyObject": {"Bucket": "my-bucket", "Key": "to", "CopySource": "my-bucket/from%20here"},
    "DeleteObjects": {"Bucket": "my-bucket", "Delete": {"Objects": [{"Key": "a&b"}], "Quiet": True}},
    "ListObjectsV2": {"Bucket": "my-bucket", "Prefix": "a b", "EncodingType": "url"},
    "PutItem": {"TableName": "items", "Item": {"id": {"S": "x"}, "b": {"B": b"1"}}},
    "GetItem": {"TableName": "items", "Key": {"id": {"S": "x"}}},
    "Publish": {
        "TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:t",
        "Message": "m",
        "MessageAttributes": {"k": TEXT},
    },
    "Invoke": {"FunctionName": "f", "Payload": b'{"a": 1}'},
    "GetCallerIdentity": {},
    "GetSecretValue": {"SecretId": "s"},
    "SendEmail": {
        "Source": "a@example.org",
        "Destination": {"ToAddresses": ["b@example.org"]},
        "Message": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}},
    },
}

OBJECTS = (
    {"Bucket": "my-bucket", "Key": "a b/c"}, {"Bucket": "my-bucket", "Key": "a b/c", "Metadata": {"a": "b"}},
    {"Bucket": "my.bucket", "Key": "a//b", "VersionId": "v1"},
    {"Bucket": "my-bucket", "Key": "a b", "ResponseContentType": "text/plain"},
    {"Bucket": "my-bucket", "Key": "up", "ContentType": "text/plain"},
)


def blocks() -> list[tuple[str, str, Head, bytes]]:
    """Return (service, operation, head, body) of every captured request."""
    out = []
    text = Path(__file__).with_name("boto3_2019.txt").read_text()
    for block in text.split("\n> ")[1:]:
        lines = block.split("\n")
        service, operation = lines[0].split()
        method, url = lines[1].split(" ", 1)
        end = lines.index("", 2)
        headers = [(n.lower(), v) for n, _, v in (line.partition(": ") for line in lines[2:end])]
        at = urlsplit(url)
        headers.append(("host", at.netloc))
        target = (at.path or "/") + (f"?{at.query}" if at.query else "")
        head = Head(
            method, target, tuple(headers), at.hostname or "", Origin("env", at.scheme, "198.18.0.1", 443)
        )
        out.append((service, operation, head, "\n".join(lines[end + 1:]).strip("\n").encode("latin-1")))
    return out


BLOCKS = blocks()
NAMES = [f"{service}:{operation}:{number}" for number, (service, operation, _, _) in enumerate(BLOCKS)]


def wire() -> Aws:
    """Return a wire whose clock stands at the time of the capture."""
    return Aws(ACCOUNT, REGION, lambda table: KeySchema(("id", "S")), now=SENT_AT.timestamp)


@pytest.mark.parametrize(("service", "operation", "head", "body"), BLOCKS, ids=NAMES)
def test_a_request_of_2019_is_read_as_it_was_meant(
    service: str, operation: str, head: Head, body: bytes
) -> None:
    aws = wire()
    assert aws.is_aws(head)
    held = aws.peek(head)
    call = aws.read(head, body if held else None, KEY)
    assert isinstance(call, AwsCall), call
    assert (call.service, call.operation, call.access_key, call.foreign) == (
        service,
        operation,
        KEY.access_key,
        "",
    )
    params = {k: v for k, v in call.params.items() if k != "ContentMD5"}
    assert params == MEANT[operation] if operation in MEANT else params in OBJECTS


@pytest.mark.parametrize(("service", "operation", "head", "body"), BLOCKS, ids=NAMES)
def test_a_request_of_2019_is_written_anew_in_the_protocol_whose_reply_its_client_reads(
    service: str, operation: str, head: Head, body: bytes
) -> None:
    aws = wire()
    call = aws.read(head, body, KEY)
    assert isinstance(call, AwsCall), call
    sent = aws.write(call, Endpoint("http", "127.0.0.1", 80), KEY, SENT_AT, body if call.stream else None)
    assert b"boto" not in repr(sent).lower().encode()
    host = dict(sent.headers)["host"]
    again = aws.read(
        Head(sent.method, sent.path, sent.headers, host, Origin("", "http", "", 80)), sent.body, KEY
    )
    assert again == call
    assert isinstance(again, AwsCall)
    assert again.protocol == call.protocol


@pytest.mark.parametrize(("service", "operation", "head", "body"), BLOCKS, ids=NAMES)
def test_a_key_of_another_environment_makes_a_request_of_2019_foreign(
    service: str, operation: str, head: Head, body: bytes
) -> None:
    other = type(KEY)("ASIAVALVEOTHEROTHERX", KEY.secret_key, KEY.token)
    call = wire().read(head, body, other)
    assert isinstance(call, AwsCall), call
    assert "not issued to this environment" in call.foreign


def test_the_path_of_a_queue_names_it() -> None:
    fields = "Action=SendMessage&Version=2012-11-05&MessageBody=x"
    call = wire().read(unsigned_post(f"/{ACCOUNT}/jobs"), fields.encode(), KEY)
    assert isinstance(call, AwsCall), call
    assert call.resources == (f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs",)


def test_a_path_that_names_another_queue_than_the_form_is_refused() -> None:
    fields = f"Action=PurgeQueue&Version=2012-11-05&QueueUrl=https%3A%2F%2Fx%2F{ACCOUNT}%2Fother"
    call = wire().read(unsigned_post(f"/{ACCOUNT}/jobs"), fields.encode(), KEY)
    assert call == Unreadable("its path names one queue and its QueueUrl another", "sqs", "PurgeQueue")


def unsigned_post(path: str) -> Head:
    """Return a form that nobody signed."""
    host = f"sqs.{REGION}.amazonaws.com"
    headers = (("host", host), ("content-type", "application/x-www-form-urlencoded"))
    return Head("POST", path, headers, host, Origin("", "https", "", 443))
