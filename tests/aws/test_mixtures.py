"""A request that two readers could read in two ways is refused, whatever either of them would do (law 7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from valve_aws.aws import Aws, AwsCall
from valve_aws.model.call import Head, Key, Origin, Unreadable

Sign = Callable[..., tuple[Head, bytes]]
SQS = "sqs.eu-west-1.amazonaws.com"
DDB = "dynamodb.eu-west-1.amazonaws.com"
S3 = "my-bucket.s3.eu-west-1.amazonaws.com"
PATH_S3 = "s3.eu-west-1.amazonaws.com"
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/x-amz-json-1.0"}
GET_URL = {**JSON, "x-amz-target": "AmazonSQS.GetQueueUrl"}
PUT_ITEM = {**JSON, "x-amz-target": "DynamoDB_20120810.PutItem"}
QUEUE = b'{"QueueName":"q"}'


def sqs(target: str = "/", body: bytes = QUEUE, **how: Any) -> tuple[Any, ...]:
    """Return what to sign: a call of SQS."""
    return "POST", SQS, target, body, {"service": "sqs", "headers": GET_URL, **how}


def s3(method: str, target: str, body: bytes = b"", host: str = S3, **how: Any) -> tuple[Any, ...]:
    """Return what to sign: a call of S3."""
    return method, host, target, body, {"service": "s3", **how}


def dynamodb(body: bytes, **how: Any) -> tuple[Any, ...]:
    """Return what to sign: a PutItem."""
    return "POST", DDB, "/", body, {"service": "dynamodb", "headers": PUT_ITEM, **how}


REFUSED = {
    "a target and an action in the query": sqs("/?Action=DeleteQueue"),
    "a target and parameters in the query": sqs("/?QueueUrl=x"),
    "a target and a form": sqs(headers={**GET_URL, **FORM}),
    "a target and a form's action in the body": sqs(body=b"Action=DeleteQueue", headers={**GET_URL, **FORM}),
    "a target and another path": sqs("/123456789012/q"),
    "a target of another service than the host": sqs(
        headers={**JSON, "x-amz-target": "DynamoDB_20120810.GetItem"}
    ),
    "a target that nobody has": sqs(headers={**JSON, "x-amz-target": "AmazonSQS.Nothing"}),
    "a target with two dots": sqs(headers={**JSON, "x-amz-target": "AmazonSQS.GetQueueUrl.x"}),
    "a target sent by GET": ("GET", SQS, "/", b"", {"service": "sqs", "headers": GET_URL}),
    "a target and the CBOR protocol": (
        "POST",
        "monitoring.eu-west-1.amazonaws.com",
        "/service/GraniteServiceVersion20100801/operation/PutMetricData",
        b"\xa0",
        {
            "service": "monitoring",
            "headers": {
                "smithy-protocol": "rpc-v2-cbor",
                "x-amz-target": "GraniteServiceVersion20100801.ListMetrics",
            },
        },
    ),
    "a scope of another service than the host": sqs(service="dynamodb"),
    "a scope of another region than the host": sqs(region="us-east-1"),
    "a scope of a service that nobody knows": sqs(service="nothing"),
    "a form with its action twice": sqs(
        body=b"Action=GetQueueUrl&Action=DeleteQueue&Version=2012-11-05&QueueName=q", headers=FORM
    ),
    "a form whose parameters stand in query and body": sqs(
        "/?Version=2012-11-05", body=b"Action=GetQueueUrl&QueueName=q", headers=FORM
    ),
    "a form with a parameter that is not known": sqs(
        body=b"Action=GetQueueUrl&Version=2012-11-05&QueueName=q&X=1", headers=FORM
    ),
    "a form of another version": sqs(body=b"Action=GetQueueUrl&Version=2009-02-01&QueueName=q", headers=FORM),
    "a form with a hole in a list": sqs(
        body=b"Action=ReceiveMessage&QueueUrl=http%3A%2F%2Fx&AttributeName.1=a&AttributeName.3=b",
        headers=FORM,
    ),
    "a form with a list counted in two ways": sqs(
        body=b"Action=ReceiveMessage&QueueUrl=http%3A%2F%2Fx&AttributeName.1=a&AttributeName.01=b",
        headers=FORM,
    ),
    "a form with a broken escape": sqs(body=b"Action=GetQueueUrl&QueueName=%zz", headers=FORM),
    "a member twice": dynamodb(b'{"TableName":"a","TableName":"b","Item":{"id":{"S":"x"}}}'),
    "a member twice, deep inside": dynamodb(b'{"TableName":"a","Item":{"id":{"S":"x"},"id":{"S":"y"}}}'),
    "a member that is not known": dynamodb(b'{"TableName":"a","Item":{"id":{"S":"x"}},"Nothing":1}'),
    "a member in another case": dynamodb(b'{"tableName":"a","TableName":"b","Item":{"id":{"S":"x"}}}'),
    "a number where text belongs": dynamodb(b'{"TableName":1,"Item":{"id":{"S":"x"}}}'),
    "a required member that is missing": dynamodb(b'{"TableName":"a"}'),
    "NaN": dynamodb(b'{"TableName":"a","Item":{"id":{"S":NaN}}}'),
    "half of a surrogate pair": dynamodb(b'{"TableName":"a","Item":{"id":{"S":"\\ud800"}}}'),
    "bytes that are not UTF-8": dynamodb(b'{"TableName":"a","Item":{"id":{"S":"\xff"}}}'),
    "UTF-16": dynamodb('{"TableName":"a","Item":{"id":{"S":"x"}}}'.encode("utf-16")),
    "nesting without end": dynamodb(
        b'{"TableName":"a","Item":{"id":' + b'{"L":[' * 30000 + b"]}" * 30000 + b"}}"
    ),
    "more than one document": dynamodb(b'{"TableName":"a","Item":{"id":{"S":"x"}}}{}'),
    "a null in a list": dynamodb(b'{"TableName":"a","Item":{"id":{"L":[null]}}}'),
    "bytes that are not base64": dynamodb(b'{"TableName":"a","Item":{"id":{"B":"x!"}}}'),
    "the wrong content type": dynamodb(b"{}", headers={**PUT_ITEM, "content-type": "text/xml"}),
    "a subresource that is not known": s3("GET", "/k?nothing"),
    "two subresources": s3("GET", "/?acl&policy"),
    "a subresource with a value": s3("GET", "/?acl=x"),
    "a query parameter twice": s3("GET", "/k?versionId=1&versionId=2"),
    "a query parameter with a bare plus": s3("GET", "/?list-type=2&prefix=a+b"),
    "an amz header that is not known": s3("GET", "/k", headers={"x-amz-nothing": "x"}),
    "an amz header of another operation": s3("GET", "/k", headers={"x-amz-acl": "public-read"}),
    "moto's own account switch": s3("GET", "/k", headers={"x-moto-account-id": "1", "x-amz-moto": "1"}),
    "a body on a GET": s3("GET", "/k", b"body"),
    "a body on a deletion": s3("DELETE", "/k", b"body"),
    "an operation named otherwise": s3("GET", "/k?x-id=DeleteObject"),
    "an action at S3": s3("GET", "/k?Action=DeleteQueue"),
    "a broken escape in the path": s3("GET", "/%zz"),
    "a path that is not UTF-8": s3("GET", "/%ff"),
    "the embedded cloud's own door": s3("POST", "/moto-api/reset", host=PATH_S3),
    "the embedded cloud's own door, escaped": s3("GET", "/mot%6f-api/data.json", host=PATH_S3),
    "the embedded cloud's own door as a host": s3(
        "GET", "/reset", host="moto-api.s3.eu-west-1.amazonaws.com"
    ),
    "another door of another cloud": s3("GET", "/_localstack/health", host=PATH_S3),
    "a key without a bucket": s3("GET", "//k", host=PATH_S3),
    "an ARN as a bucket": s3("GET", "/arn%3Aaws%3As3%3A%3A%3Ax/k", host=PATH_S3),
    "a browser's form": s3("POST", "/", b"--x", headers={"content-type": "multipart/form-data; boundary=x"}),
    "a method of no API": ("OPTIONS", S3, "/k", b"", {}),
    "an S3 address that is not served": s3(
        "GET", "/k", host="x-123456789012.s3-object-lambda.eu-west-1.amazonaws.com"
    ),
    "another path segment read as a parent": (
        "GET",
        "lambda.eu-west-1.amazonaws.com",
        "/2015-03-31/functions/%2e%2e/policy",
        b"",
        {"service": "lambda"},
    ),
    "two slashes at the end that no operation has": (
        "GET",
        "lambda.eu-west-1.amazonaws.com",
        "/2015-03-31/functions//",
        b"",
        {"service": "lambda"},
    ),
    "TLS for another host": s3("GET", "/k", origin=Origin("e", "https", "", 443, sni="example.org")),
    "a tunnel to another host": s3(
        "GET", "/k", origin=Origin("e", "https", "", 443, connect="example.org:443")
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_could_be_read_in_two_ways_is_refused(aws: Aws, key: Key, sign: Sign, what: str) -> None:
    method, host, target, body, how = REFUSED[what]
    head, sent = sign(method, host, target, body, **how)
    found = aws.read(head, sent, key)
    assert isinstance(found, Unreadable), found
    assert found.problem
    assert "certainty (" not in found.problem or what == "nesting without end"


READ = {
    "a target alone": (sqs(), "GetQueueUrl"),
    "a form alone": (
        sqs(body=b"Action=GetQueueUrl&Version=2012-11-05&QueueName=q", headers=FORM),
        "GetQueueUrl",
    ),
    "a form in the query": (
        (
            "GET",
            "sts.eu-west-1.amazonaws.com",
            "/?Action=GetCallerIdentity&Version=2011-06-15",
            b"",
            {"service": "sts"},
        ),
        "GetCallerIdentity",
    ),
    "a null that means absent": (
        dynamodb(b'{"TableName":"a","Item":{"id":{"S":"x"}},"ReturnValues":null}'),
        "PutItem",
    ),
    "a subresource": (s3("GET", "/?acl"), "GetBucketAcl"),
    "a subresource with an equals sign": (s3("GET", "/?acl="), "GetBucketAcl"),
    "an operation that names itself": (s3("GET", "/k?x-id=GetObject"), "GetObject"),
    "a bucket with a last slash": (s3("GET", "/my-bucket/?list-type=2", host=PATH_S3), "ListObjectsV2"),
    "a slash at the end that no operation has": (
        ("GET", "lambda.eu-west-1.amazonaws.com", "/2015-03-31/functions/", b"", {"service": "lambda"}),
        "ListFunctions",
    ),
    "a part": (s3("PUT", "/k?partNumber=1&uploadId=u", b"x"), "UploadPart"),
    "a copied part": (
        s3("PUT", "/k?partNumber=1&uploadId=u", headers={"x-amz-copy-source": "b/k"}),
        "UploadPartCopy",
    ),
    "a copy": (s3("PUT", "/k", headers={"x-amz-copy-source": "b/k"}), "CopyObject"),
    "a key that looks like a subresource": (s3("GET", "/acl"), "GetObject"),
    "TLS for the same host": (s3("GET", "/k", origin=Origin("e", "https", "", 443, sni=S3)), "GetObject"),
}


@pytest.mark.parametrize("what", READ)
def test_its_benign_twin_is_read(aws: Aws, key: Key, sign: Sign, what: str) -> None:
    (method, host, target, body, how), operation = READ[what]
    head, sent = sign(method, host, target, body, **how)
    call = aws.read(head, sent, key)
    assert isinstance(call, AwsCall), call
    assert call.operation == operation


def test_a_header_that_is_there_twice_is_refused(aws: Aws, key: Key, sign: Sign) -> None:
    head, _ = sign("GET", S3, "/k")
    for name in ("x-amz-date", "range", "authorization", "host", "content-length"):
        twice = replace(head, headers=(*head.headers, (name, "x"), (name, "y")))
        assert isinstance(aws.read(twice, None, key), Unreadable)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "GET",
        "*",
        "http://x/",
        "/" + "%" * 999,
        "/?" + "&" * 9999,
        "/" + "a=" * 999,
        "//////",
        "/\udcff",
        "/%00",
    ],
)
def test_nothing_makes_the_reader_raise(aws: Aws, key: Key, sign: Sign, text: str) -> None:
    for host in (S3, SQS, "amazonaws.com", "", "x.amazonaws.com", "s3.amazonaws.com", "localhost"):
        for method in ("GET", "POST", ""):
            head = Head(
                method, text, (("host", host), ("authorization", text)), host, Origin("e", "http", "", 80)
            )
            aws.is_aws(head)
            aws.peek(head)
            aws.read(head, None, key)
            aws.refusal(head, "r-1")
