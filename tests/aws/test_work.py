"""What reading one request may cost: so many calls at most, whatever it holds."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.fuzz.steps import bounded
from valve_aws.aws import Aws, AwsCall, bounds
from valve_aws.model.call import Key, Unreadable

Sign = Callable[..., tuple[Any, bytes]]
N = 300_000
"""Values of a body that is too large to be read, and small enough to be sent."""

FORM = {"content-type": "application/x-www-form-urlencoded"}
GZIP = {"content-encoding": "gzip"}
CBOR = {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor"}
METRICS = "/service/GraniteServiceVersion20100801/operation/PutMetricData"


def dynamodb(operation: str, body: bytes, **headers: str) -> tuple[Any, ...]:
    told = {"x-amz-target": f"DynamoDB_20120810.{operation}", "content-type": "application/x-amz-json-1.0"}
    host = "dynamodb.eu-west-1.amazonaws.com"
    return "POST", host, "/", body, {"service": "dynamodb", "headers": {**told, **headers}}


def form(host: str, service: str, body: bytes) -> tuple[Any, ...]:
    return "POST", f"{host}.eu-west-1.amazonaws.com", "/", body, {"service": service, "headers": FORM}


def metrics(body: bytes, **headers: str) -> tuple[Any, ...]:
    how = {"service": "monitoring", "headers": {**CBOR, **headers}}
    return "POST", "monitoring.eu-west-1.amazonaws.com", METRICS, body, how


def item(inner: bytes) -> bytes:
    return b'{"TableName":"t","Item":{"id":{"S":"x"},' + inner + b"}}"


def listed(count: int) -> bytes:
    return item(b'"l":{"L":[' + b",".join([b'{"NULL":true}'] * count) + b"]}")


def batched(count: int, inner: bytes = b"\xa0") -> bytes:
    return b"\xa1\x6aMetricData\x9a\x00\xf0\x00\x00" + inner * count


BOMBS: dict[str, tuple[Any, ...]] = {
    "a list without end": dynamodb("PutItem", listed(N)),
    "a map without end": dynamodb("PutItem", item(b",".join(b'"%d":{"S":""}' % i for i in range(N)))),
    "brackets without end": dynamodb("PutItem", b'{"TableName":"t","Item":' + b"[" * N * 2),
    "quotes that never close": dynamodb("PutItem", b'{"TableName":"' + b'\\",' * N),
    "a compressed list without end": dynamodb("PutItem", gzip.compress(listed(N)), **GZIP),
    "a form without end": form("sns", "sns", b"Action=Publish" + b"".join(b"&a%d.b=" % i for i in range(N))),
    "ampersands without end": form("sns", "sns", b"Action=Publish" + b"&" * 4_000_000),
    "CBOR without end": metrics(batched(4_000_000)),
    "compressed CBOR without end": metrics(gzip.compress(batched(16_000_000)), **GZIP),
    "XML without end": (
        "POST", "my-bucket.s3.eu-west-1.amazonaws.com", "/?delete", b"<Delete>" + b"<Object/>" * 400_000,
        {"headers": {"content-type": "application/xml"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BOMBS)
def test_no_body_costs_more_than_so_many_calls(aws: Aws, key: Key, sign: Sign, what: str) -> None:
    method, host, target, body, how = BOMBS[what]
    head, sent = sign(method, host, target, body, **how)
    found, _ = bounded(lambda: aws.read(head, sent, key), 9 * bounds.VALUES)
    assert isinstance(found, Unreadable)
    assert "certainty (" not in found.problem


@pytest.mark.parametrize(
    "request_of",
    [
        lambda n: dynamodb("PutItem", listed(n)),
        lambda n: dynamodb("PutItem", b'{"TableName":"t","Item":{"id":{"S":"' + b"\\u00e9," * n + b'"}}}'),
        lambda n: form(
            "sns", "sns", b"Action=Publish&Version=2010-03-31&TopicArn=x" + b"".join(
                b"&MessageAttributes.entry.%d.Name=n&MessageAttributes.entry.%d.Value.DataType=x" % (i, i)
                for i in range(1, n // 10))),
        lambda n: form("sns", "sns", b"Action=Publish&Version=2010-03-31&TopicArn=x&Message=" + b"%41" * n),
        lambda n: dynamodb("PutItem", item(b'"s":{"SS":[' + b",".join([b'"a"'] * n) + b"]}")),
    ],
    ids=["values", "escapes", "fields", "percents", "names"],
)  # fmt: skip
def test_work_grows_as_the_body_does(
    aws: Aws, key: Key, sign: Sign, request_of: Callable[[int], tuple[Any, ...]]
) -> None:
    def work(count: int) -> int:
        method, host, target, body, how = request_of(count)
        head, sent = sign(method, host, target, body, **how)
        return bounded(lambda: aws.read(head, sent, key), 10**7)[1]

    work(10)
    assert work(8_000) < 2.2 * work(4_000)


def test_ordinary_large_bodies_are_read(aws: Aws, key: Key, sign: Sign) -> None:
    embedding = {"L": [{"N": "0.123456"}] * 4096}
    puts = [{"PutRequest": {"Item": {"id": {"S": str(i)}, "v": embedding}}} for i in range(25)]
    batch = {"RequestItems": {"t": puts}}
    commas = {"TableName": "t", "Item": {"id": {"S": "x"}, "csv": {"S": ',"{[' * 90_000}}}
    for operation, params in (("BatchWriteItem", batch), ("PutItem", commas)):
        method, host, target, body, how = dynamodb(operation, json.dumps(params).encode())
        head, sent = sign(method, host, target, body, **how)
        assert isinstance(aws.read(head, sent, key), AwsCall)


# What DynamoDB refuses unread

KEYED = {"TableName": "t", "Key": {"id": {"S": "x"}}}
PUT = {"TableName": "t", "Item": {"id": {"S": "x"}}}


def expression(size: int, character: str = "a") -> str:
    return character * (size // len(character.encode())) + "a" * (size % len(character.encode()))


EXPRESSIONS: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "UpdateExpression": ("UpdateItem", lambda e: {**KEYED, "UpdateExpression": e}),
    "ConditionExpression": ("PutItem", lambda e: {**PUT, "ConditionExpression": e}),
    "KeyConditionExpression": ("Query", lambda e: {"TableName": "t", "KeyConditionExpression": e}),
    "FilterExpression": ("Scan", lambda e: {"TableName": "t", "FilterExpression": e}),
    "ProjectionExpression": ("GetItem", lambda e: {**KEYED, "ProjectionExpression": e}),
}
NESTED: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "ProjectionExpression of a batch": (
        "BatchGetItem",
        lambda e: {"RequestItems": {"t": {"Keys": [KEYED["Key"]], "ProjectionExpression": e}}},
    ),
    "ConditionExpression of a transaction": (
        "TransactWriteItems",
        lambda e: {"TransactItems": [{"ConditionCheck": {**KEYED, "ConditionExpression": e}}]},
    ),
    "Statement": ("ExecuteStatement", lambda e: {"Statement": e * 2}),
    "Statement of a batch": ("BatchExecuteStatement", lambda e: {"Statements": [{"Statement": e * 2}]}),
}


@pytest.mark.parametrize("what", [*EXPRESSIONS, *NESTED])
@pytest.mark.parametrize("character", ["a", "é", "\U0001f600"])
def test_an_expression_longer_than_dynamodb_takes_is_refused_in_its_words(
    aws: Aws, key: Key, sign: Sign, what: str, character: str
) -> None:
    operation, params = (EXPRESSIONS | NESTED)[what]
    found = []
    for size in (bounds.EXPRESSION, bounds.EXPRESSION + 1):
        text = expression(size, character if not what.startswith("Statement") else "a")
        method, host, target, body, how = dynamodb(operation, json.dumps(params(text)).encode())
        head, sent = sign(method, host, target, body, **how)
        found.append((head, aws.read(head, sent, key)))
    (_, fits), (head, too_long) = found
    assert not (isinstance(fits, Unreadable) and fits.answer[0])
    assert isinstance(too_long, Unreadable)
    status, headers, body = aws.declined(head, "r-1", *too_long.answer)
    told = json.loads(body)
    assert (status, {told["__type"], dict(headers)["x-amzn-errortype"]}) == (400, {"ValidationException"})
    if what in EXPRESSIONS:
        assert told["message"] == (
            f"Invalid {what}: Expression size has exceeded the maximum allowed size; "
            f"expression size: {bounds.EXPRESSION + 1}"
        )
