"""Whatever stands in a template, the answer is a stack or a refusal with its place."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from valve_aws import template, text
from valve_aws.model.source import Invalid, Node

VALID: dict[str, Any] = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Globals": {
        "Function": {"Timeout": 5, "Environment": {"Variables": {"G": "g"}}, "Layers": [{"Ref": "Layer"}]}
    },
    "Parameters": {
        "Stage": {"Type": "String", "Default": "dev", "AllowedValues": ["dev", "prod"]},
        "List": {"Type": "CommaDelimitedList", "Default": "a,b"},
    },
    "Mappings": {"M": {"a": {"b": "c"}}},
    "Conditions": {
        "IsDev": {"Fn::Equals": [{"Ref": "Stage"}, "dev"]},
        "Not": {"Fn::Not": [{"Condition": "IsDev"}]},
    },
    "Metadata": {"Valve": {"version": 1}},
    "Resources": {
        "F": {
            "Type": "AWS::Serverless::Function",
            "Condition": "IsDev",
            "Metadata": {"SamResourceId": "F"},
            "Connectors": {
                "C": {"Properties": {"Destination": {"Id": "Table"}, "Permissions": ["Read", "Write"]}}
            },
            "Properties": {
                "FunctionName": {"Fn::Sub": "f-${Stage}"},
                "Handler": "a.b",
                "Runtime": "python3.12",
                "CodeUri": ".",
                "MemorySize": 256,
                "Architectures": ["arm64"],
                "EphemeralStorage": {"Size": 512},
                "Environment": {
                    "Variables": {
                        "A": {"Fn::Join": ["-", [{"Ref": "Stage"}, {"Fn::Select": [0, {"Ref": "List"}]}]]},
                        "B": {"Fn::If": ["IsDev", {"Fn::GetAtt": ["Queue", "Arn"]}, {"Ref": "AWS::NoValue"}]},
                        "C": {"Fn::FindInMap": ["M", "a", "b"]},
                        "D": {"Fn::Sub": ["${X}", {"X": {"Fn::Split": [",", "a,b"]}}]},
                        "E": {"Fn::Base64": {"Fn::ImportValue": "x"}},
                    }
                },
                "Policies": [
                    "AmazonS3FullAccess",
                    {"DynamoDBCrudPolicy": {"TableName": {"Ref": "Table"}}},
                    {
                        "Statement": [
                            {"Effect": "Allow", "Action": ["s3:*"], "Resource": "*", "Condition": {}}
                        ]
                    },
                ],
                "Events": {
                    "Q": {
                        "Type": "SQS",
                        "Properties": {"Queue": {"Fn::GetAtt": "Queue.Arn"}, "BatchSize": 1},
                    },
                    "A": {"Type": "Api", "Properties": {"Path": "/", "Method": "get"}},
                },
                "EventInvokeConfig": {
                    "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": "arn:aws:sqs:a:1:b"}}
                },
                "DeadLetterQueue": {"TargetArn": {"Fn::GetAtt": ["Queue", "Arn"]}},
            },
        },
        "G": {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Code": {"ZipFile": "x"}},
        },
        "Layer": {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "."}},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "ManagedPolicyArns": [{"Ref": "Managed"}],
                "Policies": [
                    {
                        "PolicyName": "p",
                        "PolicyDocument": {
                            "Statement": {"Effect": "Deny", "NotAction": "s3:*", "NotResource": ["a"]}
                        },
                    }
                ],
            },
        },
        "Managed": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"Roles": [{"Ref": "Role"}], "PolicyDocument": {"Statement": []}},
        },
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "FifoQueue": True,
                "RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": ["Other", "Arn"]},
                    "maxReceiveCount": 1,
                },
            },
        },
        "Other": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "other"}},
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "NotificationConfiguration": {
                    "LambdaConfigurations": [{"Function": {"Fn::GetAtt": ["G", "Arn"]}, "Event": "x"}],
                    "QueueConfigurations": [{"Queue": "arn:aws:sqs:a:1:b"}],
                },
                "ReplicationConfiguration": {"Rules": [{"Destination": {"Bucket": "arn:aws:s3:::x"}}]},
            },
        },
        "Topic": {
            "Type": "AWS::SNS::Topic",
            "Properties": {"Subscription": [{"Protocol": "email", "Endpoint": "a@b"}]},
        },
        "Sub": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": {"Ref": "Topic"},
                "Protocol": "sqs",
                "Endpoint": {"Fn::GetAtt": ["Other", "Arn"]},
            },
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {"Targets": [{"Id": "x", "Arn": {"Fn::GetAtt": ["G", "Arn"]}}]},
        },
        "Map": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"FunctionName": {"Ref": "G"}, "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}},
        },
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "GlobalSecondaryIndexes": [
                    {"IndexName": "i", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}
                ],
            },
        },
        "Simple": {
            "Type": "AWS::Serverless::SimpleTable",
            "Properties": {"PrimaryKey": {"Name": "id", "Type": "String"}},
        },
        "Hose": {
            "Type": "AWS::KinesisFirehose::DeliveryStream",
            "Properties": {"S3DestinationConfiguration": {"BucketARN": {"Fn::GetAtt": ["Bucket", "Arn"]}}},
        },
        "Flow": {
            "Type": "AWS::Serverless::StateMachine",
            "Properties": {"Events": {"E": {"Type": "EventBridgeRule", "Properties": {"Pattern": {}}}}},
        },
        "Connect": {
            "Type": "AWS::Serverless::Connector",
            "Properties": {"Source": {"Id": "F"}, "Destination": {"Id": "Queue"}, "Permissions": ["Write"]},
        },
        "Nested": {
            "Type": "AWS::Serverless::Application",
            "Properties": {"Location": "gone.yaml", "Parameters": {"a": "b"}},
        },
        "Pipe": {
            "Type": "AWS::Pipes::Pipe",
            "Properties": {"Source": {"Fn::GetAtt": ["Queue", "Arn"]}, "Target": "arn:aws:x"},
        },
    },
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    for key, child in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        found += places(child, (*path, key))
    return found


PLACES = places(VALID)
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(
        [
            [],
            {},
            [[]],
            [None],
            {"Ref": None},
            {"Ref": "F"},
            {"Ref": "Nowhere"},
            {"Ref": "AWS::NoValue"},
            {"Fn::GetAtt": []},
            {"Fn::GetAtt": ["F", "Arn"]},
            {"Fn::GetAtt": "Bucket"},
            {"Fn::Sub": "${F.Arn}${Queue}${!x}${}"},
            {"Fn::Sub": [None]},
            {"Fn::If": ["Not", 1, {"Ref": "AWS::NoValue"}]},
            {"Fn::If": "x"},
            {"Fn::Join": ["", "x"]},
            {"Fn::Select": ["a", []]},
            {"Fn::ImportValue": "v"},
            {"Fn::Transform": {"Name": "x"}},
            {"Condition": "IsDev"},
            {"Fn::Nonsense": 1},
            {"": ""},
            {"Fn::Equals": [1, 1]},
            {"Fn::Split": ["", ""]},
            {"Fn::Cidr": ["10.0.0.0/8", 300, 99]},
            "..",
            "/",
            "\0",
            "arn:aws:sqs",
            "arn:aws:lambda:::function:",
            "{{resolve:ssm:x}}",
            "s3://x",
            "${",
            "{n}",
            "{",
            "AWS::Serverless::Function",
            "AWS::CloudFormation::Stack",
            "AWS::IAM::Role",
            "AWS::Lambda::Alias",
            {"Ref": "Queue.Alias"},
            {"Ref": "FRole"},
            {"a": {"b": ["c", {"d": None}]}},
        ]
    ),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    written = copy.deepcopy(VALID)
    at: Any = written
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return written


def outcome(written: Any, folder: Path) -> str:
    def load(path: Path) -> Node:
        return text.parse(json.dumps(written), path.name)

    try:
        stack = template.read(
            folder / "template.json",
            parameters={},
            stack="app",
            account="123456789012",
            region="us-east-1",
            physical={},
            load=load,
        )
    except Invalid as e:
        return (
            "refused" if e.where.file and e.where.line and e.problem[:1] == e.problem[:1].lower() else repr(e)
        )
    template.schema(stack)
    assert all(f.arn and f.name for f in stack.functions.values())
    return "read"


def test_the_valid_template_is_read_whole(tmp_path: Path) -> None:
    assert outcome(VALID, tmp_path) == "read"


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PLACES), JUNK)
@example(("Resources", "F", "Properties", "CodeUri"), "\0")
@example(("Resources", "F", "Properties", "FunctionName"), {"Ref": "F"})
@example(("Conditions", "Not"), {"Condition": "Not"})
def test_any_value_at_any_key_gives_a_stack_or_a_refusal_with_its_place(
    tmp_path: Path, path: tuple[Any, ...], junk: Any
) -> None:
    assert outcome(changed(path, junk), tmp_path) in {"read", "refused"}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_values_that_change_places_give_a_stack_or_a_refusal(tmp_path: Path, data: st.DataObject) -> None:
    source = data.draw(st.sampled_from(PLACES))
    moved: Any = VALID
    for key in source:
        moved = moved[key]
    assert outcome(changed(data.draw(st.sampled_from(PLACES)), moved), tmp_path) in {"read", "refused"}
