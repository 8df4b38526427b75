"""A refusal is an AccessDenied that each protocol's client understands at once; a dead backend is a 503 it
may retry."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws.conftest import ACCOUNT, NOW, REGION, Sign
from tests.wire.sdk import through
from valve_aws.aws import Aws
from valve_aws.model.call import Head, Key, Unreadable
from valve_aws.model.stack import KeySchema

CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("s3", "get_object", {"Bucket": "my-bucket", "Key": "k"}),
    ("s3", "put_object", {"Bucket": "my-bucket", "Key": "k", "Body": b"x"}),
    ("sqs", "list_queues", {}),
    ("dynamodb", "list_tables", {}),
    ("sns", "list_topics", {}),
    ("lambda", "list_functions", {}),
    ("cloudwatch", "list_metrics", {}),
    ("ec2", "describe_vpcs", {}),
    ("sts", "get_caller_identity", {}),
    ("secretsmanager", "list_secrets", {}),
    ("route53", "list_hosted_zones", {}),
]


@pytest.mark.parametrize(("service", "method", "params"), CALLS)
@pytest.mark.parametrize("understood", [True, False])
def test_a_refusal_is_understood_and_not_retried(
    aws: Aws, service: str, method: str, params: dict[str, Any], understood: bool
) -> None:
    sent = []
    wire = Aws("123456789012", "eu-west-1", lambda table: None, judge=lambda *_: None)

    def refuse(head: Head, body: bytes) -> Any:
        sent.append(head)
        call = wire.read(
            head, body, Key("ASIAVALVE2345ABCDEFG", "secret/of+this-environment", "VALVEtoken+/==")
        )
        return wire.refusal(call if understood else head, "r-7c1e")  # type: ignore[arg-type]  # it was understood

    with pytest.raises(ClientError) as caught:
        getattr(through(service, refuse), method)(**params)
    error = caught.value.response["Error"]
    assert error["Code"] in {"AccessDenied", "AccessDeniedException"}
    assert error["Message"] == "the valve did not let this call pass (r-7c1e)"
    assert len(sent) == 1


def test_a_refusal_of_a_head_request_has_no_body(aws: Aws) -> None:
    def refuse(head: Head, body: bytes) -> Any:
        status, headers, text = aws.refusal(head, "r-1")
        assert text == b""
        return status, headers, text

    with pytest.raises(ClientError) as caught:
        through("s3", refuse).head_object(Bucket="my-bucket", Key="k")
    assert caught.value.response["Error"]["Code"] == "403"


def test_refusals_for_whatever_reason_are_the_same(aws: Aws, sign: Any) -> None:
    head, _ = sign("GET", "my-bucket.s3.amazonaws.com", "/k")
    assert (
        aws.refusal(head, "r-1")
        == aws.refusal(head, "r-1", "unreadable")
        == aws.refusal(head, "r-1", "label")
    )


@pytest.mark.parametrize(("service", "method", "params"), CALLS)
def test_a_dead_backend_is_retried_and_then_told(
    aws: Aws, service: str, method: str, params: dict[str, Any]
) -> None:
    sent = []

    def fail(head: Head, body: bytes) -> Any:
        sent.append(head)
        return aws.failure(head, "r-1")

    with pytest.raises(ClientError) as caught:
        getattr(through(service, fail), method)(**params)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert len(sent) == 1  # Why one: this client was told to send once; the next test lets it retry


def test_a_dead_backend_is_retried_a_bounded_number_of_times(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)

    def fail(head: Head, body: bytes) -> Any:
        sent.append(head)
        return aws.failure(head, "r-1")

    with pytest.raises(ClientError):
        through("sqs", fail, retries={"total_max_attempts": 3}).list_queues()
    assert len(sent) == 3


MISFITS: dict[str, tuple[str, dict[str, Any], str]] = {
    "an item without a key": (
        "PutItem",
        {"Item": {"id": {"S": "1"}}},
        "One or more parameter values were invalid: Missing the key at in the item",
    ),
    "an item of a batch": (
        "BatchWriteItem",
        {"RequestItems": {"t": [{"PutRequest": {"Item": {"at": {"N": "1"}}}}]}},
        "One or more parameter values were invalid: Missing the key id in the item",
    ),
    "another type": (
        "PutItem",
        {"Item": {"id": {"N": "1"}, "at": {"N": "1"}}},
        "One or more parameter values were invalid: Type mismatch for key id expected: S actual: N",
    ),
    "an empty key": (
        "GetItem",
        {"Key": {"id": {"S": ""}, "at": {"N": "1"}}},
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain "
        "an empty string value. Key: id",
    ),
    "half a key": (
        "UpdateItem",
        {"Key": {"id": {"S": "1"}}, "UpdateExpression": "SET a = :a"},
        "The provided key element does not match the schema",
    ),
}


@pytest.mark.parametrize("what", MISFITS)
def test_a_key_that_is_none_of_the_table_s_is_refused_in_dynamodb_s_words(
    key: Key, sign: Sign, what: str
) -> None:
    operation, params, text = MISFITS[what]
    given = params if "RequestItems" in params else {"TableName": "t", **params}
    target = f"DynamoDB_20120810.{operation}"
    headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.0"}
    host = "dynamodb.eu-west-1.amazonaws.com"
    body = json.dumps(given).encode()
    schema = KeySchema(("id", "S"), ("at", "N"))
    aws = Aws(ACCOUNT, REGION, lambda _: schema, now=lambda: NOW)
    head, sent = sign("POST", host, "/", body, service="dynamodb", headers=headers)
    found = aws.read(head, sent, key)
    assert isinstance(found, Unreadable)
    status, _, answer = aws.declined(head, "r-1", *found.answer)
    told = json.loads(answer)
    assert (status, told["__type"], told["message"]) == (400, "ValidationException", text)
