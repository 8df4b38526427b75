"""What a LocalStack holds, told as a CloudFormation template, so that it is read as any other application.

Knows the operations that list what each service has. Does not know what any of it means for a call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from valve_aws.model.source import Invalid, Where

Ask = Callable[..., Any]
"""(service, operation, result key, **parameters) → what the operator's own call answers under that key, all
pages of it; without a key the whole answer. None when the service or the thing asked for is not there; raises
`Invalid` where that is not told."""

ABSENT = frozenset({400, 404, 501})
"""How LocalStack answers for what is not there: most services by the first, S3 and IAM by the second, and by
the last for an operation that it does not have."""


def absent(service: str, answer: Mapping[str, Any]) -> None:
    """Take a refused call's answer (botocore's `ClientError.response`) for nothing being there. Raises
    `Invalid` for any other failure.

    Why: a role whose policies do not come would pass for one that says nothing.
    """
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if status not in ABSENT:
        said = answer.get("Error", {}).get("Message", "")
        raise Invalid(Where(service), f"LocalStack does not tell what is there: {status} {said}")


Found = tuple[str, str, dict[str, Any]]
"""(name, CloudFormation type, properties)."""


def template(
    ask: Ask, running: Collection[str], functions: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what is there as a template. `functions` are the properties of each, by name.

    A resource is called what CloudFormation called it if that has made it, else by its own name; where two
    would be called the same, none but the first of `ORDER` is. Services not in `running` have nothing yet.
    """
    roles = {name: str(given.get("Role", "")) for name, given in functions.items()}
    # Why without its path: a role's name is its own in an account, and a template's roles have no path here.
    found: list[Found] = [
        (name, "AWS::Lambda::Function", {**given, "Role": PATH.sub(":role/", roles[name])})
        for name, given in functions.items()
    ]
    for service, read in READERS:
        if service in running:
            found += read(ask, tuple(functions)) if service != "iam" else _roles(ask, set(roles.values()))
    logical = _logical(ask) if "cloudformation" in running else {}
    resources: dict[str, Any] = {}
    for name, kind, properties in sorted(found, key=lambda each: ORDER.index(each[1])):
        called = logical.get((kind, name), name)
        if called in resources or called.startswith("Fn::"):
            called = f"{kind.split('::', 1)[1]}/{called}"
        resources[called] = {"Type": kind, "Properties": properties}
    return {"Resources": resources}


PATH = re.compile(r":role/.*/")

ORDER = (
    "AWS::Lambda::Function",
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::SQS::Queue",
    "AWS::SNS::Topic",
    "AWS::Kinesis::Stream",
    "AWS::KinesisFirehose::DeliveryStream",
    "AWS::StepFunctions::StateMachine",
    "AWS::Events::EventBus",
    "AWS::SecretsManager::Secret",
    "AWS::SSM::Parameter",
    "AWS::Logs::LogGroup",
    "AWS::Events::Rule",
    "AWS::SNS::Subscription",
    "AWS::Logs::SubscriptionFilter",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::IAM::Role",
    "AWS::IAM::ManagedPolicy",
)
"""Types that are looked at; of two things of one name the earlier one has it."""


def _buckets(ask: Ask, _: Collection[str]) -> Iterator[Found]:
    for bucket in ask("s3", "list_buckets", "Buckets") or ():
        name = bucket["Name"]
        given: dict[str, Any] = {"BucketName": name}
        if (ask("s3", "get_bucket_versioning", Bucket=name) or {}).get("Status"):
            given["VersioningConfiguration"] = {"Status": "Enabled"}
        notices = ask("s3", "get_bucket_notification_configuration", Bucket=name) or {}
        for key, target, kind, own in NOTICES:
            if notices.get(key):
                listed = given.setdefault("NotificationConfiguration", {}).setdefault(own, [])
                listed += [{kind: each[target], "Event": ",".join(each["Events"])} for each in notices[key]]
        if "EventBridgeConfiguration" in notices:
            given.setdefault("NotificationConfiguration", {})["EventBridgeConfiguration"] = {}
        rules = (ask("s3", "get_bucket_replication", Bucket=name) or {}).get("ReplicationConfiguration") or {}
        if rules.get("Rules"):
            there = [{"Destination": {"Bucket": r["Destination"]["Bucket"]}} for r in rules["Rules"]]
            given["ReplicationConfiguration"] = {"Rules": there}
        yield name, "AWS::S3::Bucket", given


NOTICES = (
    ("LambdaFunctionConfigurations", "LambdaFunctionArn", "Function", "LambdaConfigurations"),
    ("QueueConfigurations", "QueueArn", "Queue", "QueueConfigurations"),
    ("TopicConfigurations", "TopicArn", "Topic", "TopicConfigurations"),
)
"""(key of S3's answer, its target, how CloudFormation calls that, and the whole)."""


def _queues(ask: Ask, _: Collection[str]) -> Iterator[Found]:
    for url in ask("sqs", "list_queues", "QueueUrls") or ():
        told = ask("sqs", "get_queue_attributes", "Attributes", QueueUrl=url, AttributeNames=["All"]) or {}
        name = str(told.get("QueueArn") or url).split(":")[-1].split("/")[-1]
        given: dict[str, Any] = {"QueueName": name}
        if name.endswith(".fifo"):
            given["FifoQueue"] = True
        if told.get("RedrivePolicy"):
            given["RedrivePolicy"] = json.loads(told["RedrivePolicy"])
        yield name, "AWS::SQS::Queue", given


def _topics(ask: Ask, _: Collection[str]) -> Iterator[Found]:
    for topic in ask("sns", "list_topics", "Topics") or ():
        name = topic["TopicArn"].split(":")[-1]
        yield name, "AWS::SNS::Topic", {"TopicName": name, **_fifo(name, "FifoTopic")}
    for each in ask("sns", "list_subscriptions", "Subscriptions") or ():
        given = {"TopicArn": each["TopicArn"], "Protocol": each["Protocol"], "Endpoint": each["Endpoint"]}
        asked = each["SubscriptionArn"]
        more = ask("sns", "get_subscription_attributes", "Attributes", SubscriptionArn=asked) or {}
        if more.get("RedrivePolicy"):
            given["RedrivePolicy"] = json.loads(more["RedrivePolicy"])
        yield each["SubscriptionArn"].split(":")[-1], "AWS::SNS::Subscription", given


def _fifo(name: str, key: str) -> dict[str, Any]:
    return {key: True} if name.endswith(".fifo") else {}


def _tables(ask: Ask, _: Collection[str]) -> Iterator[Found]:
    for name in ask("dynamodb", "list_tables", "TableNames") or ():
        told = ask("dynamodb", "describe_table", "Table", TableName=name) or {}
        if not told:
            continue
        given = {"TableName": name, "KeySchema": told["KeySchema"]}
        given["AttributeDefinitions"] = told["AttributeDefinitions"]
        for key in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
            if told.get(key):
                given[key] = [
                    {"IndexName": i["IndexName"], "KeySchema": i["KeySchema"], "Projection": i["Projection"]}
                    for i in told[key]
                ]
        if told.get("StreamSpecification", {}).get("StreamEnabled"):
            view = told["StreamSpecification"].get("StreamViewType", "NEW_AND_OLD_IMAGES")
            given["StreamSpecification"] = {"StreamViewType": view}
        sent = ask(
            "dynamodb",
            "describe_kinesis_streaming_destination",
            "KinesisDataStreamDestinations",
            TableName=name,
        )
        for each in sent or ():
            if each.get("DestinationStatus") != "DISABLED":  # a table has one that is not (DynamoDB, quotas)
                given["KinesisStreamSpecification"] = {"StreamArn": each["StreamArn"]}
        yield name, "AWS::DynamoDB::Table", given


def _streams(ask: Ask, _: Collection[str]) -> Iterator[Found]:
    for name in ask("kinesis", "list_streams", "StreamNames") or ():
        yield name, "AWS::Kinesis::Stream", {"Name": name}


def _firehoses(ask: Ask, _: Collection[str]) -> Iterator[Found]:
    for name in ask("firehose", "list_delivery_streams", "DeliveryStreamNames") or ():
        where = {"DeliveryStreamName": name}
        told = ask("firehose", "describe_delivery_stream", "DeliveryStreamDescription", **where) or {}
        given: dict[str, Any] = {"DeliveryStreamName": name}
        source = (told.get("Source") or {}).get("KinesisStreamSourceDescription") or {}
        if source:
            origin = {"KinesisStreamARN": source["KinesisStreamARN"]}
            given["KinesisStreamSourceConfiguration"] = origin
        for destination in told.get("Destinations") or ():
            given |= {
                key.replace("Description", "Configuration"): _leads(each)
                for key, each in destination.items()
                if key.endswith(LEADING)
            }
        yield name, "AWS::KinesisFirehose::DeliveryStream", given


LEADING = "DestinationDescription"
"""How what describes a place that a delivery stream leads to is called (Firehose API,
DestinationDescription)."""


def _leads(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a destination leads, as CloudFormation has it."""
    found = {key: described[key] for key in ("BucketARN", "EndpointConfiguration") if key in described}
    for key, own in BESIDE:
        if described.get(key):
            found[own] = {"BucketARN": described[key]["BucketARN"]}
    return found


BESIDE = (
    ("S3DestinationDescription", "S3Configuration"),
    ("S3BackupDescription", "S3BackupConfiguration"),
)
"""How the service calls a bucket that a destination has beside it, and how CloudFormation does."""


def _machines(ask: Ask, _: Collection[str]) -> Iterator[Found]:
    for each in ask("stepfunctions", "list_state_machines", "stateMachines") or ():
        where = {"stateMachineArn": each["stateMachineArn"]}
        written = ask("stepfunctions", "describe_state_machine", "definition", **where) or ""
        given = {"StateMachineName": each["name"], "DefinitionString": written}
        yield each["name"], "AWS::StepFunctions::StateMachine", given


def _buses(ask: Ask, _: Collection[str]) -> Iterator[Found]:
    for bus in ask("events", "list_event_buses", "EventBuses") or ():
        yield bus["Name"], "AWS::Events::EventBus", {"Name": bus["Name"]}
        for rule in ask("events", "list_rules", "Rules", EventBusName=bus["Name"]) or ():
            where = {"Rule": rule["Name"], "EventBusName": bus["Name"]}
            targets = ask("events", "list_targets_by_rule", "Targets", **where) or ()
            given: dict[str, Any] = {"Name": rule["Name"], "EventBusName": bus["Name"]}
            # Why no pattern in full: it could be taken for a template's own words, and is not evaluated.
            given |= {key: {} for key in ("EventPattern",) if rule.get(key)}
            given |= {key: rule[key] for key in ("ScheduleExpression",) if rule.get(key)}
            given["Targets"] = [
                {key: target[key] for key in ("Arn", "Id", "DeadLetterConfig") if target.get(key)}
                for target in targets
            ]
            yield rule["Name"], "AWS::Events::Rule", given


def _secrets(ask: Ask, _: Collection[str]) -> Iterator[Found]:
    for each in ask("secretsmanager", "list_secrets", "SecretList") or ():
        yield each["Name"], "AWS::SecretsManager::Secret", {"Name": each["Name"]}


def _parameters(ask: Ask, _: Collection[str]) -> Iterator[Found]:
    for each in ask("ssm", "describe_parameters", "Parameters") or ():
        yield each["Name"], "AWS::SSM::Parameter", {"Name": each["Name"], "Type": each["Type"]}


def _groups(ask: Ask, _: Collection[str]) -> Iterator[Found]:
    for each in ask("logs", "describe_log_groups", "logGroups") or ():
        name = each["logGroupName"]
        if name.startswith("/aws/lambda/"):
            continue  # Why: a function's own is its own without being named; as a store it would be one more
        yield name, "AWS::Logs::LogGroup", {"LogGroupName": name}
        for out in (
            ask("logs", "describe_subscription_filters", "subscriptionFilters", logGroupName=name) or ()
        ):
            given = {"LogGroupName": name, "DestinationArn": out["destinationArn"]}
            yield f"{name}/{out['filterName']}", "AWS::Logs::SubscriptionFilter", given


def _mappings(ask: Ask, functions: Collection[str]) -> Iterator[Found]:
    for each in ask("lambda", "list_event_source_mappings", "EventSourceMappings") or ():
        kept = ("FunctionResponseTypes", "BatchSize", "DestinationConfig")
        given = {key: each[key] for key in kept if each.get(key)}
        given |= {"FunctionName": each["FunctionArn"], "EventSourceArn": each.get("EventSourceArn", "")}
        yield each["UUID"], "AWS::Lambda::EventSourceMapping", given
    for name in functions:
        where = {"FunctionName": name}
        for each in (
            ask("lambda", "list_function_event_invoke_configs", "FunctionEventInvokeConfigs", **where) or ()
        ):
            given = {"FunctionName": name, "DestinationConfig": each.get("DestinationConfig") or {}}
            called = each["FunctionArn"].split(":function:")[-1]
            yield f"{called}/destinations", "AWS::Lambda::EventInvokeConfig", given


def _roles(ask: Ask, roles: Collection[str]) -> Iterator[Found]:
    """Yield the roles of functions, with what is attached to them.

    Why not one without any policy: LocalStack enforces none, so many give their functions a role that says
    nothing; what such a role grants is taken as not known.
    """
    attached: set[str] = set()
    for arn in sorted(roles):
        name = arn.rpartition("/")[2]
        policies = [
            {
                "PolicyName": each,
                "PolicyDocument": _document(ask, "get_role_policy", RoleName=name, PolicyName=each),
            }
            for each in ask("iam", "list_role_policies", "PolicyNames", RoleName=name) or ()
        ]
        managed = ask("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name) or ()
        if policies or managed:
            given = {"RoleName": name, "Policies": policies}
            yield name, "AWS::IAM::Role", {**given, "ManagedPolicyArns": [m["PolicyArn"] for m in managed]}
        attached |= {m["PolicyArn"] for m in managed if ":iam::aws:" not in m["PolicyArn"]}
    for arn in sorted(attached):
        told = ask("iam", "get_policy", "Policy", PolicyArn=arn) or {}
        version = told.get("DefaultVersionId", "v1")
        there = ask("iam", "get_policy_version", "PolicyVersion", PolicyArn=arn, VersionId=version) or {}
        name = arn.rpartition("/")[2]
        given = {"ManagedPolicyName": name, "PolicyDocument": _plain(there.get("Document"))}
        yield name, "AWS::IAM::ManagedPolicy", given


def _document(ask: Ask, operation: str, **named: str) -> Any:
    return _plain((ask("iam", operation, **named) or {}).get("PolicyDocument"))


def _plain(document: Any) -> Any:
    return json.loads(unquote(document)) if isinstance(document, str) else document or {}


def elsewhere(ask: Ask, name: str) -> bool:
    """Say whether a bucket of some other account is called so: buckets are the only stores whose names all
    accounts share."""
    return bool(BUCKET.fullmatch(name)) and ask("s3", "head_bucket", Bucket=name) is not None


BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)


READERS: tuple[tuple[str, Callable[[Ask, Collection[str]], Iterator[Found]]], ...] = (
    ("s3", _buckets),
    ("sqs", _queues),
    ("sns", _topics),
    ("dynamodb", _tables),
    ("kinesis", _streams),
    ("firehose", _firehoses),
    ("stepfunctions", _machines),
    ("events", _buses),
    ("secretsmanager", _secrets),
    ("ssm", _parameters),
    ("logs", _groups),
    ("lambda", _mappings),
    ("iam", _roles),
)


def _logical(ask: Ask) -> dict[tuple[str, str], str]:
    """Return what CloudFormation calls the resources that it has made, by type and name."""
    found: dict[tuple[str, str], str] = {}
    for stack in ask("cloudformation", "describe_stacks", "Stacks") or ():
        where = {"StackName": stack["StackName"]}
        for each in ask("cloudformation", "describe_stack_resources", "StackResources", **where) or ():
            physical = str(each.get("PhysicalResourceId") or "")
            name = physical if "/" in each["ResourceType"] else physical.split(":")[-1].rsplit("/", 1)[-1]
            found[each["ResourceType"], name] = each["LogicalResourceId"]
    return found
