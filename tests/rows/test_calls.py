"""What single calls open, hand on, need from IAM and let leave."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rows.cloud import PLACE
from valve_aws.aws import effects
from valve_aws.aws.names import NotCanonical
from valve_aws.model.cell import Part, Span
from valve_aws.model.stack import KeySchema

ACCOUNT = "us-east-1:123456789012"
KEY = "12345678-1234-1234-1234-123456789012"


def judged(service: str, operation: str, **params: Any) -> effects.Judged:
    found = effects.effect(service, operation, params, PLACE, lambda _: KeySchema(("id", "S")))
    assert found is not None
    return found


AT = {"Bucket": "bucket", "Key": "k"}


@pytest.mark.parametrize(
    "given",
    [
        {"ACL": "public-read"},
        {"ACL": "authenticated-read"},
        {"GrantRead": "id=1"},
        {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k"},
        {"SSEKMSKeyId": f"arn:aws:kms:us-east-1:999999999999:key/{KEY}"},
        {"WebsiteRedirectLocation": "https://evil.example"},
    ],
)
@pytest.mark.parametrize(
    ("operation", "more"),
    [("PutObject", {}), ("CopyObject", {"CopySource": "bucket/x"}), ("CreateMultipartUpload", {})],
)
def test_what_opens_an_object_to_others_is_seen_in_a_write(
    operation: str, more: dict[str, str], given: dict[str, str]
) -> None:
    assert judged("s3", operation, **AT, **more, **given).effect.opens


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"ACL": "private"},
        {"ACL": "bucket-owner-full-control"},
        {"SSEKMSKeyId": "alias/aws/s3"},
        {"SSEKMSKeyId": KEY},
        {"ServerSideEncryption": "AES256"},
        {"Metadata": {"a": "b"}},
    ],
)
def test_an_honest_write_opens_nothing(given: dict[str, Any]) -> None:
    assert judged("s3", "PutObject", **AT, **given).effect.opens == ""


CONFIGURED = [
    (service, row.operation)
    for service in effects.MODULES
    for row in effects.rows(service)
    if row.opens and row.opens not in effects.table(service).openers
]


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("s3", "PutBucketPolicy"),
        ("s3", "PutBucketReplication"),
        ("s3", "PutBucketNotificationConfiguration"),
        ("s3", "PutBucketLogging"),
        ("s3", "PutObjectAcl"),
        ("sqs", "AddPermission"),
        ("sqs", "StartMessageMoveTask"),
        ("dynamodb", "ExportTableToPointInTime"),
        ("dynamodb", "EnableKinesisStreamingDestination"),
        ("dynamodb", "PutResourcePolicy"),
        ("dynamodb", "UpdateTable"),
        ("lambda", "UpdateFunctionCode"),
        ("lambda", "CreateFunctionUrlConfig"),
        ("lambda", "AddPermission"),
        ("sns", "Subscribe"),
        ("events", "PutTargets"),
        ("logs", "PutSubscriptionFilter"),
        ("kms", "CreateGrant"),
        ("sts", "AssumeRole"),
        ("sts", "GetSessionToken"),
    ],
)
def test_what_opens_an_exit_says_so(service: str, operation: str) -> None:
    assert (service, operation) in CONFIGURED


@pytest.mark.parametrize(
    ("attributes", "opens"),
    [({"Policy": "{}"}, True), ({"RedrivePolicy": "{}"}, True), ({"DelaySeconds": "1"}, False), ({}, False)],
)
def test_a_new_queue_opens_what_its_attributes_open(attributes: dict[str, str], opens: bool) -> None:
    assert bool(judged("sqs", "CreateQueue", QueueName="q", Attributes=attributes).effect.opens) is opens


@pytest.mark.parametrize(
    ("call", "actions"),
    [
        (("s3", "GetObject", AT), {("s3:GetObject", "arn:aws:s3:::bucket/k")}),
        (("s3", "HeadObject", AT), {("s3:GetObject", "arn:aws:s3:::bucket/k")}),
        (("s3", "GetObject", {**AT, "VersionId": "v"}), {("s3:GetObjectVersion", "arn:aws:s3:::bucket/k")}),
        (("s3", "ListObjectsV2", {"Bucket": "bucket"}), {("s3:ListBucket", "arn:aws:s3:::bucket")}),
        (
            ("s3", "CopyObject", {**AT, "CopySource": "other/x"}),
            {("s3:GetObject", "arn:aws:s3:::other/x"), ("s3:PutObject", "arn:aws:s3:::bucket/k")},
        ),
        (
            ("s3", "PutObject", {**AT, "Tagging": "a=b", "ACL": "private"}),
            {(f"s3:PutObject{x}", "arn:aws:s3:::bucket/k") for x in ("", "Tagging", "Acl")},
        ),
        (
            ("sqs", "SendMessageBatch", {"QueueUrl": "q", "Entries": []}),
            {("sqs:SendMessage", f"arn:aws:sqs:{ACCOUNT}:q")},
        ),
        (
            ("dynamodb", "Query", {"TableName": "T", "IndexName": "i"}),
            {("dynamodb:Query", f"arn:aws:dynamodb:{ACCOUNT}:table/T/index/i")},
        ),
        (
            (
                "dynamodb",
                "TransactWriteItems",
                {
                    "TransactItems": [
                        {"Put": {"TableName": "T", "Item": {"id": {"S": "1"}}}},
                        {
                            "ConditionCheck": {
                                "TableName": "U",
                                "Key": {"id": {"S": "1"}},
                                "ConditionExpression": "a = :a",
                            }
                        },
                    ]
                },
            ),
            {
                ("dynamodb:PutItem", f"arn:aws:dynamodb:{ACCOUNT}:table/T"),
                ("dynamodb:ConditionCheckItem", f"arn:aws:dynamodb:{ACCOUNT}:table/U"),
            },
        ),
        (
            ("lambda", "Invoke", {"FunctionName": "f:live"}),
            {("lambda:InvokeFunction", f"arn:aws:lambda:{ACCOUNT}:function:f:live")},
        ),
        (("sts", "GetCallerIdentity", {}), set()),
        (("s3", "ListBuckets", {}), {("s3:ListAllMyBuckets", "arn:aws:s3:::*")}),
        (("dynamodb", "ListTables", {}), {("dynamodb:ListTables", f"arn:aws:dynamodb:{ACCOUNT}:table/*")}),
    ],
)
def test_the_actions_are_those_that_iam_asks_for(
    call: tuple[str, str, dict[str, Any]], actions: set[tuple[str, str]]
) -> None:
    service, operation, params = call
    assert set(judged(service, operation, **params).actions) == actions


def test_both_buckets_of_a_copy_are_touched() -> None:
    assert set(judged("s3", "CopyObject", **AT, CopySource="other/x").resources) == {
        "arn:aws:s3:::bucket",
        "arn:aws:s3:::other",
    }


def test_a_part_is_found_again_when_the_upload_is_completed() -> None:
    part = judged("s3", "UploadPart", **AT, UploadId="u", PartNumber=7).effect.changes[0]
    whole = judged("s3", "CompleteMultipartUpload", **AT, UploadId="u", MultipartUpload={"Parts": []}).effect
    assert any(
        e.span is Span.PREFIX and part.name.startswith(e.name) and e.store == part.store
        for e in whole.consults
    )
    begun = judged("s3", "CreateMultipartUpload", **AT).effect.changes
    assert any(e in whole.consults for e in begun)


def test_an_event_tells_nothing_and_a_request_shows_the_result() -> None:
    event = judged("lambda", "Invoke", FunctionName="f", InvocationType="Event").effect
    assert (event.blind, event.reveals, event.changes[0].span) == (True, (), Span.NEW)
    request = judged("lambda", "Invoke", FunctionName="f").effect
    assert not request.blind
    assert request.reveals[0].part is Part.CONTENT


def test_a_text_message_and_a_mail_have_a_place_of_their_own() -> None:
    assert judged("sns", "Publish", PhoneNumber="+15551234567", Message="m").resources == (
        "sns:sms/+15551234567",
    )
    sent = judged(
        "ses",
        "SendEmail",
        Source="me@x.org",
        Destination={"ToAddresses": ["A <a@B.org>"]},
        ReturnPath="r@b.org",
    )
    assert set(sent.resources) == {"ses:to/a@b.org", "ses:to/r@b.org"}


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("s3", "GetObject", {"Bucket": "bucket"}),
        ("sqs", "SendMessage", {"MessageBody": "m"}),
        ("dynamodb", "GetItem", {"TableName": "T"}),
        ("dynamodb", "BatchWriteItem", {"RequestItems": {"T": [{}]}}),
        ("dynamodb", "TransactWriteItems", {"TransactItems": [{"Get": {}}]}),
        ("sns", "Publish", {"Message": "m"}),
        ("kinesis", "GetRecords", {"ShardIterator": "x"}),
        ("ses", "SendEmail", {"Source": "a@b.c"}),
        ("secretsmanager", "BatchGetSecretValue", {"Filters": [{"Key": "name"}]}),
        ("s3", "GetObject", {"Bucket": 3, "Key": []}),
    ],
)
def test_a_request_that_does_not_say_what_it_touches_is_refused(
    service: str, operation: str, params: dict[str, Any]
) -> None:
    with pytest.raises(NotCanonical):
        judged(service, operation, **params)


def test_the_names_of_a_read_leave_with_it() -> None:
    assert judged("s3", "ListObjectsV2", Bucket="bucket", Prefix="secret/").leaves == (("prefix", "secret/"),)
    assert judged("dynamodb", "GetItem", TableName="T", Key={"id": {"S": "x"}}).leaves == (("item", "T/x"),)
