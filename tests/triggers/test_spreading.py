"""Buckets, topics, buses and schedules: who is told of what, with which label, and of which call it comes.

Knows them from a whole valve on the embedded cloud. Does not know their pure shapes; `test_shapes.py` does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.triggers.ground import Ground
from valve_aws.backend import Standing
from valve_aws.passage.driver import Passage

CODE = """
import json, os
import boto3

class Rising:
    def __init__(self):
        self.pieces = iter([b"x" * 100_000, None])

    def read(self, size=-1):
        piece = next(self.pieces, b"")
        if piece is None:
            boto3.client("s3").get_object(Bucket=os.environ["SECRETS"], Key="s")
            piece = b"y" * 100_000
        return piece


def handler(event, context):
    if isinstance(event, dict) and event.get("rising"):
        boto3.client("s3").put_object(
            Bucket=os.environ["UPLOADS"], Key="in/rising", Body=Rising(), ContentLength=200_000
        )
        return "done"
    print("SAW", context.function_name.split("-")[-2], json.dumps(event), flush=True)
    for service, operation, params in event.get("calls", []) if isinstance(event, dict) else []:
        client = boto3.client(service)
        params = json.loads(os.path.expandvars(json.dumps(params)))
        getattr(client, operation)(**params)
    return "done"
"""
GLOBALS = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    CodeUri: src
    Handler: app.handler
    Runtime: python3.11
    Timeout: 20
    Environment:
      Variables: {UPLOADS: !Ref Uploads, NEWS: !Ref News, SECRETS: !Ref Secrets}
"""
TEMPLATE = (
    GLOBALS
    + """
Resources:
  Writer:
    Type: AWS::Serverless::Function
    Properties:
      Policies:
        - S3CrudPolicy: {BucketName: !Ref Uploads}
        - S3CrudPolicy: {BucketName: !Ref Secrets}
        - SNSPublishMessagePolicy: {TopicName: !GetAtt News.TopicName}
        - EventBridgePutEventsPolicy: {EventBusName: default}
  Thumb:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        In:
          Type: S3
          Properties:
            Bucket: !Ref Uploads
            Events: s3:ObjectCreated:*
            Filter: {S3Key: {Rules: [{Name: prefix, Value: in/}]}}
        Gone: {Type: S3, Properties: {Bucket: !Ref Uploads, Events: s3:ObjectRemoved:Delete}}
  Listener:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        News: {Type: SNS, Properties: {Topic: !Ref News, FilterPolicy: {kind: [a]}}}
  Ruled:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Order:
          Type: EventBridgeRule
          Properties: {Pattern: {source: [shop]}, InputPath: $.detail}
        Every: {Type: Schedule, Properties: {Schedule: rate(10 minutes), Input: '{"tick": 1}'}}
  Uploads:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration:
        QueueConfigurations: [{Event: "s3:ObjectCreated:*", Queue: !GetAtt Told.Arn}]
        EventBridgeConfiguration: {EventBridgeEnabled: true}
  Secrets: {Type: AWS::S3::Bucket}
  Told: {Type: AWS::SQS::Queue}
  Raw: {Type: AWS::SQS::Queue}
  Wrapped: {Type: AWS::SQS::Queue}
  Orders: {Type: AWS::SQS::Queue}
  News: {Type: AWS::SNS::Topic}
  ToRaw:
    Type: AWS::SNS::Subscription
    Properties: {Protocol: sqs, TopicArn: !Ref News, Endpoint: !GetAtt Raw.Arn, RawMessageDelivery: true}
  ToWrapped:
    Type: AWS::SNS::Subscription
    Properties: {Protocol: sqs, TopicArn: !Ref News, Endpoint: !GetAtt Wrapped.Arn}
  Hourly:
    Type: AWS::Events::Rule
    Properties:
      ScheduleExpression: cron(0 * * * ? *)
      Targets: [{Id: f, Arn: !GetAtt Targeted.Arn, Input: '{"hour": 1}'}]
  Targeted: {Type: AWS::Serverless::Function}
  OnOrder:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [shop, aws.s3]}
      Targets:
        - {Id: function, Arn: !GetAtt Targeted.Arn, InputPath: $.source}
        - Id: queue
          Arn: !GetAtt Orders.Arn
          InputTransformer:
            InputPathsMap: {kind: $.detail-type}
            InputTemplate: '{"kind": <kind>}'
"""
)
POLICY = """
version: 1
mode: enforce
labels: {pii: {}}
stores:
  Secrets: {holds: [pii]}
  Uploads: {accepts: [pii]}
  News: {accepts: [pii]}
  Told: {accepts: [pii]}
  Raw: {accepts: [pii]}
  Wrapped: {accepts: [pii]}
  Orders: {accepts: [pii]}
  "arn:aws:events:us-east-1:123456789012:event-bus/default": {accepts: [pii]}
results: {accepts: [pii]}
logs: {accepts: [pii]}
"""
FILES = {
    "template.yaml": TEMPLATE,
    "src/app.py": CODE,
    "valve.yaml": POLICY,
    "seed.yaml": "Secrets: {s: secret}\n",
}
PUT: Any = ["s3", "put_object", {"Bucket": "$UPLOADS", "Key": "in/a b.txt", "Body": "hello"}]
READ = ["s3", "get_object", {"Bucket": "$SECRETS", "Key": "s"}]


def calls(ground: Ground, *calls: list[object]) -> None:
    assert ground.invoke("Writer", {"calls": list(calls)}) == "done", ground.said
    ground.settle()


def saw(ground: Ground, function: str) -> list[dict[str, object]]:
    return ground.printed(f"SAW {function.lower()} ")


def test_a_bucket_tells_a_function_a_queue_and_the_bus_of_an_object(ground: Ground) -> None:
    calls(ground, READ, PUT)
    (put,) = (r for r in ground.valve.records if r.operation == "PutObject")
    (event,) = ground.events("Thumb")
    assert (event.label, event.cause) == ({"pii"}, put.ident)
    (seen,) = saw(ground, "Thumb")
    (record,) = seen["Records"]
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["s3"]["object"]["key"] == "in/a+b.txt"
    assert record["s3"]["object"]["size"] == 5
    (told,) = ground.taken("Told")
    assert json.loads(told["Body"])["Records"][0]["s3"]["object"]["eTag"]
    (sent,) = (r for r in ground.valve.records if r.operation == "SendMessage" and "told" in r.resources[0])
    assert (sent.function, sent.cause, sent.writes) == ("platform", put.ident, {"pii"})
    assert [json.loads(m["Body"]) for m in ground.taken("Orders")] == [{"kind": "Object Created"}]


def test_what_is_not_asked_for_is_not_told_and_a_deletion_is(ground: Ground) -> None:
    other = ["s3", "put_object", {"Bucket": "$UPLOADS", "Key": "out/b", "Body": "x"}]
    calls(ground, other, ["s3", "delete_object", {"Bucket": "$UPLOADS", "Key": "out/b"}])
    assert [e["Records"][0]["eventName"] for e in saw(ground, "Thumb")] == ["ObjectRemoved:Delete"]
    assert not ground.events("Thumb")[0].label


def test_an_object_whose_upload_learned_something_under_way_is_told_of_with_that(ground: Ground) -> None:
    assert ground.invoke("Writer", {"rising": True}) == "done", ground.said
    ground.settle()
    (put,) = (r for r in ground.valve.records if r.operation == "PutObject")
    assert not put.label  # it began clean
    assert [event.label for event in ground.events("Thumb")] == [{"pii"}]


def test_an_object_that_is_another_by_the_time_it_is_asked_about_is_told_of_with_that_ones_label(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, meanwhile = Passage.looked, [{"calls": [READ, [*PUT[:2], {**PUT[2], "Body": "x" * 42}]]}]

    async def late(self: Passage, *asked: Any) -> Any:
        if meanwhile:
            await ground.valve.invoke("Writer", json.dumps(meanwhile.pop()).encode())
        return await looked(self, *asked)

    monkeypatch.setattr(Passage, "looked", late)
    calls(ground, PUT)
    sizes = {e["Records"][0]["s3"]["object"]["size"] for e in saw(ground, "Thumb")}
    assert sizes == {42}  # of what a labelled function wrote meanwhile
    assert [event.label for event in ground.events("Thumb")] == [{"pii"}, {"pii"}]


def test_a_topic_tells_functions_and_queues_raw_or_wrapped(ground: Ground) -> None:
    kind = {"kind": {"DataType": "String", "StringValue": "a"}}
    say = {"TopicArn": "$NEWS", "Message": "hello", "Subject": "S"}
    calls(ground, READ, ["sns", "publish", {**say, "MessageAttributes": kind}], ["sns", "publish", say])
    (event,) = ground.events("Listener")
    assert event.label == {"pii"}
    (seen,) = saw(ground, "Listener")
    assert seen["Records"][0]["Sns"]["Message"] == "hello"
    assert seen["Records"][0]["Sns"]["MessageAttributes"] == {"kind": {"Type": "String", "Value": "a"}}
    raw = ground.taken("Raw")
    assert [m["Body"] for m in raw] == ["hello", "hello"]
    assert raw[0]["MessageAttributes"]["kind"]["StringValue"] == "a"
    assert json.loads(ground.taken("Wrapped")[0]["Body"])["Subject"] == "S"


def test_a_rule_hands_on_what_its_pattern_lets_through(ground: Ground) -> None:
    entry = {"Source": "shop", "DetailType": "Order", "Detail": '{"id": 7}'}
    calls(ground, READ, ["events", "put_events", {"Entries": [entry, {**entry, "Source": "other"}]}])
    assert [e.label for e in ground.events("Ruled")] == [{"pii"}]
    assert saw(ground, "Ruled") == [{"id": 7}]
    assert saw(ground, "Targeted") == ["shop"]
    assert [json.loads(m["Body"]) for m in ground.taken("Orders")] == [{"kind": "Order"}]


def test_a_schedule_is_due_again_and_again(ground: Ground) -> None:
    ground.advance(599)
    assert not saw(ground, "Ruled")
    ground.advance(1)
    ground.advance(1200)
    assert saw(ground, "Ruled") == [{"tick": 1}] * 3
    ground.drain()
    assert len(saw(ground, "Ruled")) == 3
    ground.advance(3600)
    assert saw(ground, "Targeted") in ([{"hour": 1}], [{"hour": 1}] * 2)  # the hour may turn in between


def test_what_the_operator_puts_there_wakes_as_well(ground: Ground) -> None:
    name = ground.name("Uploads")
    ground.client("s3").put_object(Bucket=name, Key="in/his", Body=b"x")
    ground.settle()
    assert [e["Records"][0]["s3"]["object"]["key"] for e in saw(ground, "Thumb")] == ["in/his"]


@pytest.mark.parametrize(("mode", "leaks"), [("enforce", False), ("audit", True)])
def test_what_a_queue_behind_a_bucket_may_not_have_does_not_get_there(
    tmp_path: Path, mode: str, leaks: bool
) -> None:
    cloud = Standing()
    policy = POLICY.replace("  Told: {accepts: [pii]}\n", "  Told: {accepts: []}\n")
    with Ground(tmp_path, {**FILES, "valve.yaml": policy}, cloud, mode) as ground:
        ground.invoke("Writer", {"calls": [READ, PUT]})
        ground.settle()
        assert bool(ground.taken("Told")) is leaks
        assert bool(ground.events("Thumb")) is leaks
    cloud.end()
