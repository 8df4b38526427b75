"""What single calls open, hand on, need from IAM and let leave."""

from __future__ import annotations

import base64
import json
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
        ("sts", "AssumeRoleWithSAML"),
        ("sts", "AssumeRoleWithWebIdentity"),
    ],
)
def test_what_opens_an_exit_says_so(service: str, operation: str) -> None:
    assert (service, operation) in CONFIGURED


BUCKET = {"S3BucketDestination": {"Bucket": "arn:aws:s3:::there", "Format": "CSV"}}
QUEUE = f"arn:aws:sqs:{ACCOUNT}:there"


@pytest.mark.parametrize(
    ("operation", "given", "where"),
    [
        (
            "PutBucketReplication",
            {"ReplicationConfiguration": {"Rules": [{"Destination": {"Bucket": "arn:aws:s3:::there"}}]}},
            "arn:aws:s3:::there",
        ),
        (
            "PutBucketNotificationConfiguration",
            {"NotificationConfiguration": {"QueueConfigurations": [{"QueueArn": QUEUE}]}},
            QUEUE,
        ),
        (
            "PutBucketNotificationConfiguration",
            {"NotificationConfiguration": {"EventBridgeConfiguration": {}}},
            f"arn:aws:events:{ACCOUNT}:event-bus/default",
        ),
        (
            "PutBucketNotification",
            {"NotificationConfiguration": {"QueueConfiguration": {"Queue": QUEUE}}},
            QUEUE,
        ),
        (
            "PutBucketLogging",
            {"BucketLoggingStatus": {"LoggingEnabled": {"TargetBucket": "there", "TargetPrefix": ""}}},
            "arn:aws:s3:::there",
        ),
        (
            "PutBucketInventoryConfiguration",
            {"InventoryConfiguration": {"Destination": BUCKET}},
            "arn:aws:s3:::there",
        ),
        (
            "PutBucketAnalyticsConfiguration",
            {
                "AnalyticsConfiguration": {
                    "StorageClassAnalysis": {"DataExport": {"Destination": BUCKET}},
                }
            },
            "arn:aws:s3:::there",
        ),
    ],
)
def test_where_a_bucket_s_setting_hands_on_to_is_judged_as_a_place(
    operation: str, given: dict[str, Any], where: str
) -> None:
    """Also where a grant lets the bucket be set up."""
    assert judged("s3", operation, Bucket="bucket", **given).effect.delivers == (where,)
    assert judged("s3", operation, Bucket="bucket").effect.delivers == ()


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


ELSEWHERE = "arn:aws:sqs:us-east-1:999999999999:theirs"
FAILS = json.dumps({"deadLetterTargetArn": ELSEWHERE, "maxReceiveCount": 1})
GOES = {"OnFailure": {"Destination": ELSEWHERE}}
TOPIC = f"arn:aws:sns:{ACCOUNT}:news"


@pytest.mark.parametrize(
    ("service", "operation", "params", "place"),
    [
        ("sqs", "SetQueueAttributes", {"QueueUrl": "q", "Attributes": {"RedrivePolicy": FAILS}}, ELSEWHERE),
        ("sqs", "CreateQueue", {"QueueName": "q", "Attributes": {"RedrivePolicy": FAILS}}, ELSEWHERE),
        (
            "sns",
            "Subscribe",
            {"TopicArn": TOPIC, "Protocol": "email", "Endpoint": "A <a@B.org>"},
            "ses:to/a@b.org",
        ),
        (
            "sns",
            "Subscribe",
            {"TopicArn": TOPIC, "Protocol": "sms", "Endpoint": "15550100"},
            "sns:sms/+15550100",
        ),
        (
            "sns",
            "Subscribe",
            {"TopicArn": TOPIC, "Protocol": "https", "Endpoint": "https://X.org/A"},
            "https://x.org/A",
        ),
        (
            "sns",
            "Subscribe",
            {
                "TopicArn": TOPIC,
                "Protocol": "sqs",
                "Endpoint": f"arn:aws:sqs:{ACCOUNT}:q",
                "Attributes": {"RedrivePolicy": FAILS},
            },
            ELSEWHERE,
        ),
        (
            "sns",
            "SetSubscriptionAttributes",
            {"SubscriptionArn": f"{TOPIC}:1", "AttributeName": "RedrivePolicy", "AttributeValue": FAILS},
            ELSEWHERE,
        ),
        ("events", "PutTargets", {"Rule": "r", "Targets": [{"Id": "1", "Arn": ELSEWHERE}]}, ELSEWHERE),
        (
            "events",
            "PutTargets",
            {
                "Rule": "r",
                "Targets": [
                    {"Id": "1", "Arn": f"arn:aws:sqs:{ACCOUNT}:q", "DeadLetterConfig": {"Arn": ELSEWHERE}}
                ],
            },
            ELSEWHERE,
        ),
        ("events", "CreateApiDestination", {"InvocationEndpoint": "https://x.org/a"}, "https://x.org/a"),
        (
            "logs",
            "PutSubscriptionFilter",
            {"logGroupName": "g", "destinationArn": f"arn:aws:lambda:{ACCOUNT}:function:f:live"},
            f"arn:aws:lambda:{ACCOUNT}:function:f",
        ),
        (
            "dynamodb",
            "EnableKinesisStreamingDestination",
            {"TableName": "T", "StreamArn": f"arn:aws:kinesis:{ACCOUNT}:stream/s"},
            f"arn:aws:kinesis:{ACCOUNT}:stream/s",
        ),
        (
            "lambda",
            "PutFunctionEventInvokeConfig",
            {"FunctionName": "f", "DestinationConfig": GOES},
            ELSEWHERE,
        ),
        (
            "lambda",
            "UpdateFunctionConfiguration",
            {"FunctionName": "f", "DeadLetterConfig": {"TargetArn": ELSEWHERE}},
            ELSEWHERE,
        ),
        ("lambda", "UpdateEventSourceMapping", {"UUID": "u", "DestinationConfig": GOES}, ELSEWHERE),
        (
            "ses",
            "SendEmail",
            {
                "Source": "a@b.c",
                "Destination": {"ToAddresses": ["d@e.f"]},
                "SourceArn": "arn:aws:ses:us-east-1:999999999999:identity/b.c",
            },
            "arn:aws:ses:us-east-1:999999999999:identity/b.c",
        ),
        (
            "sesv2",
            "SendBulkEmail",
            {
                "BulkEmailEntries": [{"Destination": {"ToAddresses": ["d@e.f"]}}],
                "DefaultContent": {
                    "Template": {"TemplateArn": "arn:aws:ses:us-east-1:999999999999:template/t"}
                },
            },
            "arn:aws:ses:us-east-1:999999999999:template/t",
        ),
    ],
)
def test_where_a_request_has_content_handed_on_to_is_seen(
    service: str, operation: str, params: dict[str, Any], place: str
) -> None:
    assert place in judged(service, operation, **params).effect.delivers


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("sqs", "SetQueueAttributes", {"QueueUrl": "q", "Attributes": {"RedrivePolicy": '{"a": 1, "A": 2}'}}),
        ("sqs", "SetQueueAttributes", {"QueueUrl": "q", "Attributes": {"RedrivePolicy": "["}}),
        ("sns", "Subscribe", {"TopicArn": TOPIC, "Protocol": "pigeon", "Endpoint": "home"}),
        ("sns", "Subscribe", {"TopicArn": TOPIC, "Protocol": "https", "Endpoint": "https://a@b.c/"}),
        ("events", "PutTargets", {"Rule": "r", "Targets": [{"Id": "1", "Arn": "queue"}]}),
        (
            "sesv2",
            "SendEmail",
            {
                "Destination": {"ToAddresses": ["d@e.f"]},
                "Content": {"Simple": {"Headers": [{"Name": "Bcc", "Value": "x@y.z"}]}},
            },
        ),
        (
            "ses",
            "SendRawEmail",
            {"Destinations": ["d@e.f"], "RawMessage": {"Data": b"X-SES-SOURCE-ARN: a\r\n\r\nhi"}},
        ),
    ],
)
def test_what_may_be_handed_on_to_a_place_that_cannot_be_told_is_refused(
    service: str, operation: str, params: dict[str, Any]
) -> None:
    with pytest.raises(NotCanonical):
        judged(service, operation, **params)


def test_a_raw_mail_comes_back_to_whom_it_says_also_when_the_request_says_whom_it_goes_to() -> None:
    raw = {"Data": b"To: a@b.c\r\nReturn-Path: r@s.t\r\n\r\nhi"}
    sent = judged("ses", "SendRawEmail", Destinations=["d@e.f"], RawMessage=raw)
    assert set(sent.resources) == {"ses:to/d@e.f", "ses:to/r@s.t"}


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("sns", "CreateTopic", {"Name": "t", "DataProtectionPolicy": "{}"}),
        ("sns", "CreateTopic", {"Name": "t", "Attributes": {"HTTPSuccessFeedbackRoleArn": "r"}}),
        ("sqs", "CreateQueue", {"QueueName": "q", "Attributes": {"Unheard": "1"}}),
        (
            "logs",
            "CreateLogGroup",
            {"logGroupName": "g", "kmsKeyId": f"arn:aws:kms:us-east-1:999999999999:key/{KEY}"},
        ),
    ],
)
def test_what_is_made_and_may_lead_elsewhere_opens_an_exit(
    service: str, operation: str, params: dict[str, Any]
) -> None:
    assert judged(service, operation, **params).effect.opens


def test_what_belongs_to_a_bus_is_set_up_there_and_what_does_not_is_the_accounts() -> None:
    archive = judged("events", "CreateArchive", EventSourceArn=f"arn:aws:events:{ACCOUNT}:event-bus/orders")
    assert archive.resources == (f"arn:aws:events:{ACCOUNT}:event-bus/orders",)
    assert judged("events", "CreateConnection", Name="c").resources == (f"arn:aws:events:{ACCOUNT}:*",)


def test_a_ciphertext_without_a_keys_name_is_shown_to_whoever_owns_the_key() -> None:
    (told,) = judged("kms", "Decrypt", CiphertextBlob=b"c").effect.changes
    assert (told.store, told.part) == (f"arn:aws:kms:{ACCOUNT}:*", Part.CONTENT)
    assert judged("kms", "Decrypt", CiphertextBlob=b"c", KeyId=KEY).effect.changes == ()
    assert judged("kms", "ReEncrypt", CiphertextBlob=b"c", DestinationKeyId=KEY).effect.changes


def test_an_iterator_that_names_another_stream_shows_that_one_too() -> None:
    forged = base64.encodebytes(b"secrets:shardId-000000000000:0").decode()
    arn = f"arn:aws:kinesis:{ACCOUNT}:stream/clicks"
    read = judged("kinesis", "GetRecords", ShardIterator=forged, StreamARN=arn)
    assert set(read.resources) == {arn, f"arn:aws:kinesis:{ACCOUNT}:stream/secrets"}
    assert judged("kinesis", "GetRecords", ShardIterator="AAAA+opaque/", StreamARN=arn).resources == (arn,)


def test_an_iterator_that_can_be_read_names_its_stream_alone() -> None:
    iterator = base64.encodebytes(b"clicks:shardId-000000000000:0").decode()
    read = judged("kinesis", "GetRecords", ShardIterator=iterator)
    assert read.resources == (f"arn:aws:kinesis:{ACCOUNT}:stream/clicks",)
    assert {extent.store for extent in read.effect.reveals} == {f"arn:aws:kinesis:{ACCOUNT}:stream/clicks"}
    with pytest.raises(NotCanonical, match="second name"):
        judged("kinesis", "GetRecords", ShardIterator=iterator, StreamId="1")


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("kinesis", "PutRecord", {"StreamName": "s", "StreamId": "1"}),
        ("stepfunctions", "ListExecutions", {"stateMachineArn": "m", "mapRunArn": "r"}),
    ],
)
def test_a_second_name_beside_the_first_is_refused(
    service: str, operation: str, params: dict[str, Any]
) -> None:
    with pytest.raises(NotCanonical):
        judged(service, operation, **params)


def test_figures_are_put_into_what_every_query_shows() -> None:
    dimensions = [{"Name": "who", "Value": "ann"}]
    put = judged("cloudwatch", "PutMetricData", Namespace="Shop",
                 MetricData=[{"MetricName": "Sold", "Dimensions": dimensions, "Value": 3.0}])
    read = judged("cloudwatch", "GetMetricData", MetricDataQueries=[{"Id": "q", "Expression": "SEARCH('x')"}],
                  StartTime=0, EndTime=1)
    assert set(put.leaves) == {("namespace", "Shop"), ("metric", "Sold"), ("dimension", "ann")}
    assert put.effect.blind
    assert {e.store for e in put.effect.changes} == {f"arn:aws:cloudwatch:{ACCOUNT}:*"}
    assert {(e.store, e.part) for e in put.effect.changes} == {(e.store, e.part) for e in read.effect.reveals}
    assert read.leaves == (("expression", "SEARCH('x')"),)


def test_a_bulk_write_of_another_account_is_that_accounts() -> None:
    arn = "arn:aws:dynamodb:us-east-1:999999999999:table/T/bulk/1"
    assert (
        "arn:aws:dynamodb:us-east-1:999999999999:*"
        in judged("dynamodb", "DescribeBulkOperation", BulkOperationArn=arn).resources
    )


CONFIGURATION = {"set-up", "account-set-up", "mappings", "pointed", "machine-names"}
"""Words for how something is set up."""


@pytest.mark.parametrize("service", effects.MODULES)
def test_whatever_changes_how_something_is_set_up_opens_an_exit(service: str) -> None:
    table = effects.table(service)
    silent = {
        row.operation for row in table.rows if CONFIGURATION & set(row.changes.split()) and not row.opens
    }
    assert silent == set()


@pytest.mark.parametrize("operation", ["DescribeExecution", "GetExecutionHistory"])
def test_what_an_execution_shows_may_have_been_brought_by_any_function_of_its_machine(operation: str) -> None:
    arn = f"arn:aws:states:{ACCOUNT}:execution:m:e"
    reveals = judged("stepfunctions", operation, executionArn=arn).effect.reveals
    store = f"arn:aws:states:{ACCOUNT}:stateMachine:m"
    tokens = f"arn:aws:states:{ACCOUNT}:*"
    found = {(e.store, e.name) for e in reveals if e.part is Part.CONTENT}
    assert found == {(store, "e"), (store, ""), (tokens, "")}


@pytest.mark.parametrize(
    ("path", "granted", "under"),
    [
        ("/app/db", "parameter/app/db", "parameter/app/db/*"),
        ("/app/db/", "parameter/app/db/", "parameter/app/db/*"),
        ("/", "parameter", "parameter/*"),
    ],
)
def test_a_path_of_parameters_may_end_in_a_slash_and_is_granted_as_it_is_written(
    path: str, granted: str, under: str
) -> None:
    read = judged("ssm", "GetParametersByPath", Path=path)
    assert read.actions == (("ssm:GetParametersByPath", f"arn:aws:ssm:{ACCOUNT}:{granted}"),)
    assert read.resources == (f"arn:aws:ssm:{ACCOUNT}:{under}",)


@pytest.mark.parametrize("path", ["/app//", "/app/*", "/a b/"])
def test_a_path_of_parameters_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(NotCanonical):
        judged("ssm", "GetParametersByPath", Path=path)
