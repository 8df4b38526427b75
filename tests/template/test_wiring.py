"""What wakes a function and what content reaches."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent, indent

import pytest

from valve_aws.model.stack import Stack

Read = Callable[..., Stack]

FUNCTION = "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      InlineCode: x\n"

STORES = """
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: photos}}
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: news}}
  Stream: {Type: AWS::Kinesis::Stream, Properties: {Name: clicks, ShardCount: 1}}
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: main}}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /app/x}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties: {TableName: items, StreamSpecification: {StreamViewType: NEW_IMAGE}}
"""

HERE = "eu-west-1:123456789012"


@pytest.mark.parametrize(
    ("event", "source"),
    [
        ("{Type: SQS, Properties: {Queue: !GetAtt Queue.Arn, BatchSize: 5}}", f"arn:aws:sqs:{HERE}:jobs"),
        (
            "{Type: S3, Properties: {Bucket: !Ref Bucket, Events: 's3:ObjectCreated:*'}}",
            "arn:aws:s3:::photos",
        ),
        ("{Type: SNS, Properties: {Topic: !Ref Topic}}", f"arn:aws:sns:{HERE}:news"),
        (
            "{Type: Kinesis, Properties: {Stream: !GetAtt Stream.Arn}}",
            f"arn:aws:kinesis:{HERE}:stream/clicks",
        ),
        (
            "{Type: DynamoDB, Properties: {Stream: !GetAtt Table.StreamArn}}",
            f"arn:aws:dynamodb:{HERE}:table/items",
        ),
        (
            "{Type: CloudWatchLogs, Properties: {LogGroupName: !Ref Logs}}",
            f"arn:aws:logs:{HERE}:log-group:/app/x",
        ),
        (
            "{Type: EventBridgeRule, Properties: {EventBusName: !Ref Bus, Pattern: {}}}",
            f"arn:aws:events:{HERE}:event-bus/main",
        ),
        ("{Type: CloudWatchEvent, Properties: {Pattern: {}}}", f"arn:aws:events:{HERE}:event-bus/default"),
        ("{Type: Schedule, Properties: {Schedule: rate(1 minute)}}", ""),
        ("{Type: ScheduleV2}", ""),
        ("{Type: SQS, Properties: {Queue: !ImportValue q}}", ""),
        (
            "{Type: MSK, Properties: {Stream: 'arn:aws:kafka:eu-west-1:1:cluster/c/1'}}",
            "arn:aws:kafka:eu-west-1:1:cluster/c/1",
        ),
        ("{Type: Telepathy}", ""),
    ],
)
def test_each_event_of_sam_names_its_source(read: Read, event: str, source: str) -> None:
    stack = read(f"{FUNCTION}      Events:\n        E: {event}\n{STORES}")
    (trigger,) = stack.functions["F"].triggers
    assert (trigger.function, trigger.name, trigger.kind, trigger.source) == (
        "F",
        "E",
        event.split(": ")[1].split(",")[0].rstrip("}"),
        source,
    )
    assert trigger.where.line == 7
    assert any("Telepathy" in w for w in stack.warnings) == ("Telepathy" in event)


def test_an_api_event_names_the_api_that_sam_makes(read: Read) -> None:
    stack = read(
        f"{FUNCTION}      Events:\n        Get: {{Type: Api, Properties: {{Path: /x, Method: get}}}}\n"
        "        Web: {Type: HttpApi}\n      Environment: {Variables: {U: !Ref ServerlessRestApi, V: !Sub "
        "'https://${ServerlessHttpApi}.execute-api'}}\n"
    )
    get, web = stack.functions["F"].triggers
    assert get.source == stack.resources["ServerlessRestApi"].arn
    assert web.source == stack.resources["ServerlessHttpApi"].arn
    assert get.source.endswith(stack.functions["F"].environment["U"])
    assert get.properties == {"Path": "/x", "Method": "get"}
    assert not stack.warnings


@pytest.mark.parametrize(
    ("resource", "kind", "source"),
    [
        (
            "W: {Type: AWS::Lambda::EventSourceMapping, Properties: {FunctionName: !Ref F, "
            "EventSourceArn: !GetAtt Queue.Arn}}",
            "SQS",
            f"arn:aws:sqs:{HERE}:jobs",
        ),
        (
            "W: {Type: AWS::Lambda::EventSourceMapping, Properties: {FunctionName: !GetAtt "
            "F.Arn, EventSourceArn: !GetAtt "
            "Table.StreamArn}}",
            "DynamoDB",
            f"arn:aws:dynamodb:{HERE}:table/items",
        ),
        (
            "W: {Type: AWS::S3::Bucket, Properties: {BucketName: b, NotificationConfiguration: "
            "{LambdaConfigurations: [{Event: x, "
            "Function: !GetAtt F.Arn}]}}}",
            "S3",
            "arn:aws:s3:::b",
        ),
        (
            "W: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref Topic, Protocol: "
            "lambda, Endpoint: !GetAtt F.Arn}}",
            "SNS",
            f"arn:aws:sns:{HERE}:news",
        ),
        (
            "W: {Type: AWS::SNS::Topic, Properties: {TopicName: t, Subscription: [{Protocol: "
            "lambda, Endpoint: !GetAtt F.Arn}]}}",
            "SNS",
            f"arn:aws:sns:{HERE}:t",
        ),
        (
            "W: {Type: AWS::Events::Rule, Properties: {EventPattern: {}, Targets: [{Id: x, Arn: "
            "!GetAtt F.Arn}]}}",
            "EventBridgeRule",
            f"arn:aws:events:{HERE}:event-bus/default",
        ),
        (
            "W: {Type: AWS::Events::Rule, Properties: {ScheduleExpression: rate(1 day), "
            "Targets: [{Id: x, Arn: !GetAtt F.Arn}]}}",
            "Schedule",
            "",
        ),
        ("W: {Type: AWS::Scheduler::Schedule, Properties: {Target: {Arn: !GetAtt F.Arn}}}", "ScheduleV2", ""),
        (
            "W: {Type: AWS::Logs::SubscriptionFilter, Properties: {LogGroupName: !Ref Logs, "
            "DestinationArn: !GetAtt F.Arn}}",
            "CloudWatchLogs",
            f"arn:aws:logs:{HERE}:log-group:/app/x",
        ),
    ],
)
def test_other_resources_wake_a_function_too(read: Read, resource: str, kind: str, source: str) -> None:
    stack = read(FUNCTION + STORES + f"  {resource}\n")
    (trigger,) = stack.functions["F"].triggers
    assert (trigger.function, trigger.name, trigger.kind, trigger.source) == ("F", "W", kind, source)


def test_triggers_of_one_function_never_share_a_name(read: Read) -> None:
    stack = read(
        FUNCTION
        + """
  B:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration:
        LambdaConfigurations: [{Event: a, Function: !GetAtt F.Arn}, {Event: b, Function: !GetAtt F.Arn}]
"""
    )
    assert [t.name for t in stack.functions["F"].triggers] == ["B", "B2"]


DELIVERIES = [
    (
        "Topic2: {Type: AWS::SNS::Topic, Properties: {TopicName: t, Subscription: [{Protocol: "
        "email, Endpoint: a@b.c}]}}",
        f"arn:aws:sns:{HERE}:t",
        "ses:to/a@b.c",
    ),
    (
        "S: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref Topic, Protocol: sqs, "
        "Endpoint: !GetAtt Queue.Arn}}",
        f"arn:aws:sns:{HERE}:news",
        f"arn:aws:sqs:{HERE}:jobs",
    ),
    (
        "S: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref Topic, Protocol: https, "
        "Endpoint: 'https://x.org/y'}}",
        f"arn:aws:sns:{HERE}:news",
        "https://x.org/y",
    ),
    (
        "Q: {Type: AWS::SQS::Queue, Properties: {QueueName: q, RedrivePolicy: "
        "{deadLetterTargetArn: !GetAtt Queue.Arn}}}",
        f"arn:aws:sqs:{HERE}:q",
        f"arn:aws:sqs:{HERE}:jobs",
    ),
    (
        "B: {Type: AWS::S3::Bucket, Properties: {BucketName: b, NotificationConfiguration: "
        "{QueueConfigurations: [{Event: e, "
        "Queue: !GetAtt Queue.Arn}]}}}",
        "arn:aws:s3:::b",
        f"arn:aws:sqs:{HERE}:jobs",
    ),
    (
        "B: {Type: AWS::S3::Bucket, Properties: {BucketName: b, NotificationConfiguration: "
        "{EventBridgeConfiguration: {}}}}",
        "arn:aws:s3:::b",
        f"arn:aws:events:{HERE}:event-bus/default",
    ),
    (
        "B: {Type: AWS::S3::Bucket, Properties: {BucketName: b, ReplicationConfiguration: "
        "{Rules: [{Destination: {Bucket: "
        "'arn:aws:s3:::elsewhere'}}]}}}",
        "arn:aws:s3:::b",
        "arn:aws:s3:::elsewhere",
    ),
    (
        "B: {Type: AWS::S3::Bucket, Properties: {BucketName: b, LoggingConfiguration: "
        "{DestinationBucketName: !Ref Bucket}}}",
        "arn:aws:s3:::b",
        "arn:aws:s3:::photos",
    ),
    (
        "R: {Type: AWS::Events::Rule, Properties: {EventBusName: !Ref Bus, Targets: [{Id: x, "
        "Arn: !GetAtt Queue.Arn}]}}",
        f"arn:aws:events:{HERE}:event-bus/main",
        f"arn:aws:sqs:{HERE}:jobs",
    ),
    (
        "R: {Type: AWS::Events::Rule, Properties: {Targets: [{Id: x, Arn: !GetAtt D.Arn}]}}\n"
        "  D: {Type: AWS::Events::ApiDestination, Properties: {InvocationEndpoint: "
        "'https://hook.example/x'}}",
        f"arn:aws:events:{HERE}:event-bus/default",
        "https://hook.example/x",
    ),
    (
        "H: {Type: AWS::KinesisFirehose::DeliveryStream, Properties: {DeliveryStreamName: h, "
        "KinesisStreamSourceConfiguration: "
        "{KinesisStreamARN: !GetAtt Stream.Arn}}}",
        f"arn:aws:kinesis:{HERE}:stream/clicks",
        f"arn:aws:firehose:{HERE}:deliverystream/h",
    ),
    (
        "H: {Type: AWS::KinesisFirehose::DeliveryStream, Properties: {DeliveryStreamName: h, "
        "ExtendedS3DestinationConfiguration:"
        " {BucketARN: !GetAtt Bucket.Arn}}}",
        f"arn:aws:firehose:{HERE}:deliverystream/h",
        "arn:aws:s3:::photos",
    ),
    (
        "T: {Type: AWS::DynamoDB::Table, Properties: {TableName: t, KinesisStreamSpecification: "
        "{StreamArn: !GetAtt "
        "Stream.Arn}}}",
        f"arn:aws:dynamodb:{HERE}:table/t",
        f"arn:aws:kinesis:{HERE}:stream/clicks",
    ),
    (
        "P: {Type: AWS::Pipes::Pipe, Properties: {Source: !GetAtt Table.StreamArn, Target: "
        "!GetAtt Queue.Arn}}",
        f"arn:aws:dynamodb:{HERE}:table/items",
        f"arn:aws:sqs:{HERE}:jobs",
    ),
    (
        "S: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref Topic, Protocol: sqs, "
        "Endpoint: !ImportValue q}}",
        f"arn:aws:sns:{HERE}:news",
        "{{unresolved:ImportValue:q}}",
    ),
]


def test_a_pipe_that_is_stopped_hands_nothing_on(read: Read) -> None:
    ends = "Source: !GetAtt Queue.Arn, Target: !Ref Topic"
    pipe = f"P: {{Type: AWS::Pipes::Pipe, Properties: {{{ends}, DesiredState: %s}}}}"
    for state, count in (("RUNNING", 1), ("STOPPED", 0)):
        stack = read("Resources:\n" + STORES + f"  {pipe % state}\n")
        found = [d for d in stack.deliveries if d.source.endswith(":jobs") and d.target.endswith(":news")]
        assert len(found) == count, state


@pytest.mark.parametrize(("resource", "source", "target"), DELIVERIES)
def test_content_that_is_handed_on_is_a_delivery(read: Read, resource: str, source: str, target: str) -> None:
    stack = read("Resources:\n" + STORES + f"  {resource}\n")
    assert (source, target) in {(d.source, d.target) for d in stack.deliveries}
    assert all(d.where.line for d in stack.deliveries)


def test_a_function_s_outcomes_are_delivered(read: Read) -> None:
    stack = read(
        FUNCTION
        + indent(
            dedent("""
        FunctionName: f
        DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Queue.Arn}
        EventInvokeConfig:
          DestinationConfig:
            OnSuccess: {Type: SNS, Destination: !Ref Topic}
            OnFailure: {Destination: !GetAtt Bus.Arn}
        Events:
          S:
            Type: Kinesis
            Properties:
              Stream: !GetAtt Stream.Arn
              DestinationConfig: {OnFailure: {Destination: !GetAtt Queue.Arn}}
        """),
            "      ",
        )
        + STORES
    )
    function = f"arn:aws:lambda:{HERE}:function:f"
    assert {(d.source, d.target) for d in stack.deliveries} == {
        (function, f"arn:aws:sqs:{HERE}:jobs"),
        (function, f"arn:aws:sns:{HERE}:news"),
        (function, f"arn:aws:events:{HERE}:event-bus/main"),
        (f"arn:aws:kinesis:{HERE}:stream/clicks", f"arn:aws:sqs:{HERE}:jobs"),
    }


def test_a_text_to_a_number_is_delivered_where_the_policy_names_it(read: Read) -> None:
    stack = read(
        dedent("""
        Resources:
          Topic:
            Type: AWS::SNS::Topic
            Properties: {TopicName: news, Subscription: [{Protocol: sms, Endpoint: '+15550100'}]}
        """)
    )
    assert [d.target for d in stack.deliveries] == ["sns:sms/+15550100"]
