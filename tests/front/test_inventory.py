"""What LocalStack tells of itself becomes a stack: functions, stores, wiring, roles, names of CloudFormation.

Knows what the services answer. Needs no LocalStack.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from valve_aws import policy, text
from valve_aws.localstack.expected import events, missing
from valve_aws.localstack.inventory import absent, template
from valve_aws.localstack.keeper import Cloud, Keeper, Version, as_stack
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Code, Function, Stack
from valve_aws.settings import Settings

ACCOUNT, REGION = "000000000000", "us-east-1"
WORKER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:worker"
JOBS, DEAD = (f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}" for name in ("jobs", "dead"))
FLOW = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/flow"
LAKE = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/lake"
NEWS, BUS, GROUP = (
    f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"
    for service, name in (("sns", "news"), ("events", "event-bus/bus"), ("logs", "log-group:/app"))
)
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service/narrow"
STATEMENT = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": JOBS}

ANSWERS: dict[str, Any] = {
    "s3 list_buckets": [{"Name": "uploads"}],
    "s3 get_bucket_notification_configuration": {
        "LambdaFunctionConfigurations": [{"LambdaFunctionArn": WORKER, "Events": ["s3:ObjectCreated:*"]}],
        "QueueConfigurations": [{"QueueArn": JOBS, "Events": ["s3:ObjectRemoved:*"]}],
    },
    "sqs list_queues": ["http://here/jobs", "http://here/dead"],
    "sqs get_queue_attributes http://here/jobs": {
        "QueueArn": JOBS,
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": DEAD, "maxReceiveCount": 2}),
    },
    "sqs get_queue_attributes http://here/dead": {"QueueArn": DEAD},
    "dynamodb list_tables": ["orders"],
    "dynamodb describe_table": {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}],
    },
    "dynamodb describe_kinesis_streaming_destination": [{"StreamArn": FLOW, "DestinationStatus": "ACTIVE"}],
    "firehose list_delivery_streams": ["lake"],
    "firehose describe_delivery_stream": {
        "Source": {"KinesisStreamSourceDescription": {"KinesisStreamARN": FLOW}},
        "Destinations": [
            {
                "DestinationId": "1",
                "ExtendedS3DestinationDescription": {
                    "BucketARN": "arn:aws:s3:::uploads",
                    "S3BackupDescription": {"BucketARN": "arn:aws:s3:::backup"},
                },
            },
            {
                "HttpEndpointDestinationDescription": {
                    "EndpointConfiguration": {"Url": "https://there.example"}
                }
            },
        ],
    },
    "sns list_topics": [{"TopicArn": NEWS}],
    "sns list_subscriptions": [
        {"SubscriptionArn": f"{NEWS}:s1", "TopicArn": NEWS, "Protocol": "sqs", "Endpoint": JOBS}
    ],
    "sns get_subscription_attributes": {"RedrivePolicy": json.dumps({"deadLetterTargetArn": DEAD})},
    "events list_event_buses": [{"Name": "bus"}],
    "events list_rules": [{"Name": "on", "EventPattern": "{}"}],
    "events list_targets_by_rule": [{"Id": "1", "Arn": JOBS, "DeadLetterConfig": {"Arn": DEAD}}],
    "logs describe_log_groups": [{"logGroupName": "/app"}],
    "logs describe_subscription_filters": [{"filterName": "all", "destinationArn": FLOW}],
    "lambda list_event_source_mappings": [
        {
            "UUID": "u1",
            "FunctionArn": WORKER,
            "EventSourceArn": JOBS,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        }
    ],
    "lambda list_function_event_invoke_configs": [
        {"FunctionArn": f"{WORKER}:$LATEST", "DestinationConfig": {"OnFailure": {"Destination": DEAD}}}
    ],
    "iam list_role_policies": ["sends"],
    "iam get_role_policy": {"PolicyDocument": {"Version": "2012-10-17", "Statement": [STATEMENT]}},
    "cloudformation describe_stacks": [{"StackName": "app"}],
    "cloudformation describe_stack_resources": [
        {
            "ResourceType": "AWS::SQS::Queue",
            "PhysicalResourceId": "http://here/jobs",
            "LogicalResourceId": "Jobs",
        },
        {
            "ResourceType": "AWS::Lambda::Function",
            "PhysicalResourceId": "worker",
            "LogicalResourceId": "Worker",
        },
    ],
}


def ask(service: str, operation: str, key: str = "", **given: str) -> Any:
    asked = f"{service} {operation}"
    return ANSWERS.get(f"{asked} {given.get('QueueUrl')}", ANSWERS.get(asked))


def stack(*running: str, role: str = ROLE) -> Stack:
    functions = {
        "worker": {"FunctionName": "worker", "Role": role, "Code": {"ZipFile": ""}, "Handler": "a.b"}
    }
    return told(template(ask, running, functions))


def told(resources: dict[str, Any]) -> Stack:
    return as_stack(json.dumps(resources), Path("localstack.json"), ACCOUNT, REGION)


def test_what_is_wired_in_localstack_is_wired_in_the_stack() -> None:
    found = stack("s3", "sqs", "dynamodb", "lambda")
    assert {(t.kind, t.source) for t in found.functions["worker"].triggers} == {
        ("S3", "arn:aws:s3:::uploads"),
        ("SQS", JOBS),
    }
    assert {(d.source, d.target) for d in found.deliveries} == {
        ("arn:aws:s3:::uploads", JOBS),
        (JOBS, DEAD),
        (WORKER, DEAD),
        (TABLE, FLOW),
    }
    assert found.resources["orders"].properties["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]


def test_where_a_delivery_stream_leads_is_told() -> None:
    assert {(d.source, d.target) for d in stack("firehose").deliveries} == {
        (FLOW, LAKE),
        (LAKE, "arn:aws:s3:::uploads"),
        (LAKE, "arn:aws:s3:::backup"),
        (LAKE, "https://there.example"),
    }


def test_where_topics_buses_and_log_groups_lead_is_told_with_what_could_not_be_delivered() -> None:
    assert {(d.source, d.target) for d in stack("sns", "events", "logs").deliveries} == {
        (NEWS, JOBS),
        (NEWS, DEAD),
        (BUS, JOBS),
        (BUS, DEAD),
        (GROUP, FLOW),
    }


def test_a_service_that_nobody_has_used_is_not_asked() -> None:
    assert not stack().resources


@pytest.mark.parametrize("status", [400, 404, 501, 403, 429, 500, 503, None])
def test_a_failure_is_not_taken_for_nothing_being_there(status: int | None) -> None:
    """Most say that something is not there by 400, S3 and IAM by 404; 501 is an operation that is missing."""
    answer = {"Error": {"Message": "so"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    if status in {400, 404, 501}:
        absent("iam", answer)
        return
    with pytest.raises(Invalid, match=f"does not tell what is there: {status} so"):
        absent("iam", answer)


def test_a_role_that_says_something_is_read_and_one_that_says_nothing_is_not_known() -> None:
    known = stack("iam").functions["worker"]
    assert (known.unmanaged_role, known.statements[0].actions) == (False, ("sqs:SendMessage",))
    assert stack("s3").functions["worker"].unmanaged_role


def test_a_role_that_has_a_policy_attached_and_none_of_its_own_is_held_to_that() -> None:
    own = f"arn:aws:iam::{ACCOUNT}:policy/sends"
    document = {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Action": "sqs:DeleteMessage"}]}
    answers = {
        "list_attached_role_policies": [{"PolicyArn": own}],
        "get_policy": {"DefaultVersionId": "v2"},
        "get_policy_version v2": {"Document": document},
    }

    def asked(_: str, operation: str, key: str = "", **given: str) -> Any:
        return answers.get(f"{operation} {given.get('VersionId', '')}".strip())

    functions = {
        "worker": {"FunctionName": "worker", "Role": ROLE, "Code": {"ZipFile": ""}, "Handler": "a.b"}
    }
    known = told(template(asked, {"iam"}, functions)).functions["worker"]
    assert (known.unmanaged_role, [s.actions for s in known.statements]) == (False, [("sqs:DeleteMessage",)])


def test_what_cloudformation_has_made_has_its_logical_id() -> None:
    found = stack("sqs", "cloudformation")
    assert found.functions["Worker"].name == "worker"
    assert found.resources["Jobs"].arn == JOBS
    assert "jobs" not in found.resources


POLICY = """
version: 1
labels: {pii: {}, card: {only-to: [Elsewhere]}}
stores:
  Later: {accepts: [pii], from: [Made, Sixth]}
  Table: {attributes: {email: [pii]}}
  Items: {items: [{key: {pk: "{tenant}"}, holds: [pii]}]}
  Bucket: {objects: {"x/*": {holds: [pii]}}}
  "arn:aws:sqs:us-east-1:000000000000:named": {accepts: [pii]}
functions:
  Made: {writes: [Later], invokes: [Other], may-remove: {pii: {into: [Clean]}}}
events: {Third.Later: {label: [pii]}}
results: {Fourth.Invoke: {accepts: [pii]}, default: {accepts: []}}
grant: [{functions: [Fifth], configure: [Set], why: "it must"}]
"""


def test_a_policy_may_name_what_is_not_there_yet() -> None:
    node = text.parse(POLICY, "valve.yaml")
    resources = {name: {"Type": kind, "Properties": given} for name, kind, given in missing(node, ())}
    found = told({"Resources": resources})
    assert set(found.functions) == {"Made", "Other", "Third", "Fourth", "Fifth", "Sixth"}
    queues = dict.fromkeys(("Later", "Clean", "Set", "Elsewhere"), "SQS")
    kinds = {name: resource.kind.split("::")[1] for name, resource in found.resources.items()}
    assert kinds == {**queues, "Table": "DynamoDB", "Items": "DynamoDB", "Bucket": "S3"}
    assert set(events(node)) == {("Third", "Later"), ("Fourth", "Invoke")}


def test_what_is_there_is_not_stood_in_for() -> None:
    node = text.parse("version: 1\nstores: {jobs: {accepts: []}}\n", "valve.yaml")
    assert list(missing(node, {"jobs"})) == []
    assert list(missing(None, ())) == []
    assert policy.read(node, stack("sqs"), "valve.yaml").stores[0].target == JOBS


def kept(folder: Path, answers: dict[str, Any], written: str, *versions: Version) -> Stack:
    """Return the stack that a keeper makes of versions, and of a policy."""

    def asked(service: str, operation: str, key: str = "", **given: str) -> Any:
        return answers.get(f"{service} {operation} {given.get('Bucket')}")

    keeper = Keeper(Cloud("http://127.0.0.1:1", lambda account, region: asked, lambda: {"s3"}))
    keeper._versions = {version.function.key: version for version in versions}
    try:
        settings = Settings(account=ACCOUNT, region=REGION, audit=folder / "audit.jsonl")
        return keeper._stack(settings, text.parse(written, "valve.yaml"))
    finally:
        keeper._loop.call_soon_threadsafe(keeper._loop.stop)


def test_where_the_failures_of_a_published_version_go_is_told_beside_the_function_s_own(
    tmp_path: Path,
) -> None:
    def version(number: str, letters: str, account: str = ACCOUNT) -> Version:
        function = Function("worker", "worker", WORKER, "a.b", "", Code(inline=""), version=number)
        return Version(replace(function, revision=account), account, REGION, ROLE, letters)

    others = version("2", f"{DEAD}-elsewhere", "111111111111")
    found = kept(tmp_path, {}, "version: 1\n", version("1", DEAD), version("", JOBS), others)
    assert {(d.source, d.target) for d in found.deliveries} == {(WORKER, JOBS), (WORKER, DEAD)}


def test_a_bucket_of_another_account_is_meant_by_its_name(tmp_path: Path) -> None:
    written = "version: 1\nlabels: {pii: {}}\nstores: {theirs: {holds: [pii]}, later: {holds: [pii]}}\n"
    found = kept(tmp_path, {"s3 head_bucket theirs": {}}, written)
    assert {name: r.kind for name, r in found.resources.items()} == {
        "theirs": "AWS::S3::Bucket",
        "later": "AWS::SQS::Queue",
    }
