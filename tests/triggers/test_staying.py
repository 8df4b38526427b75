"""A valve that stays: whatever becomes due is served by itself, and what is slow holds nothing else back.

Knows it from a whole valve that goes by the machine's own time. Does not know the commands that stay.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from tests.triggers.ground import Ground
from valve_aws.backend import Standing
from valve_aws.clock import Clock

CODE = """
import boto3, json, os, time

def slow(event, context):
    print("SLOW began", flush=True)
    table = boto3.resource("dynamodb").Table(os.environ["GATE"])
    while "Item" not in table.get_item(Key={"id": "open"}):
        time.sleep(0.05)
    print("SLOW ended", flush=True)

def quick(event, context):
    print("QUICK", json.dumps(event["Records"][0]["body"]), flush=True)

def item(event, context):
    print("ITEM", json.dumps(event["Records"][0]["dynamodb"]["Keys"]["id"]["S"]), flush=True)
"""
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {CodeUri: src, Runtime: python3.11, Timeout: 60}
Resources:
  Slow:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.slow
      Environment: {Variables: {GATE: !Ref Gate}}
      Policies: [{DynamoDBReadPolicy: {TableName: !Ref Gate}}]
      Events: {In: {Type: SQS, Properties: {Queue: !GetAtt A.Arn}}}
  Quick:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.quick
      Events: {In: {Type: SQS, Properties: {Queue: !GetAtt B.Arn}}}
  Item:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.item
      Events: {In: {Type: DynamoDB, Properties: {Stream: !GetAtt Gate.StreamArn, StartingPosition: LATEST}}}
  A: {Type: AWS::SQS::Queue}
  B: {Type: AWS::SQS::Queue}
  Gate:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
"""
FILES = {"template.yaml": TEMPLATE, "src/app.py": CODE, "seed.yaml": "B: [seeded]\n"}


class Lines(list[str]):
    """Lines of logs that somebody may wait for."""

    def __init__(self) -> None:
        super().__init__()
        self._more = threading.Condition()

    def append(self, line: str) -> None:
        with self._more:
            super().append(line)
            self._more.notify_all()

    def until(self, word: str) -> None:
        with self._more:
            assert self._more.wait_for(lambda: any(word in line for line in self), 60), word


def test_what_becomes_due_is_served_by_itself_and_nothing_slow_holds_it_back(tmp_path: Path) -> None:
    cloud = Standing()
    ground = Ground(tmp_path, FILES, cloud, time=Clock())
    lines = ground.lines = Lines()
    with ground:
        keeping = asyncio.run_coroutine_threadsafe(ground.valve.triggering.keep(), ground._loop)
        lines.until('QUICK "seeded"')

        def send(queue: str, body: str) -> None:
            ground.client("sqs").send_message(QueueUrl=ground.url(queue), MessageBody=body)

        send("A", "one")
        lines.until("SLOW began")
        send("B", "two")
        lines.until('QUICK "two"')
        assert not any("SLOW ended" in line for line in lines)
        gate = ground.name("Gate")
        ground.client("dynamodb").put_item(TableName=gate, Item={"id": {"S": "open"}})
        lines.until('ITEM "open"')
        lines.until("SLOW ended")
        keeping.cancel()
    cloud.end()
