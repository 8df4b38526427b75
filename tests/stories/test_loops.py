"""A function that wakes itself for ever is ended after as many turns as AWS would allow."""

from __future__ import annotations

import json
from pathlib import Path

from world import World

FUNCTION = """
import boto3, os
SQS = boto3.client("sqs")
def handler(event, context):
    SQS.send_message(QueueUrl=os.environ["JOBS"], MessageBody="again")
"""
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Again:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      Runtime: python3.11
      Timeout: 10
      InlineCode: %s
      Environment: {Variables: {JOBS: !Ref Jobs}}
      Policies: [SQSSendMessagePolicy: {QueueName: !GetAtt Jobs.QueueName}]
      Events: {Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}}
  Jobs: {Type: AWS::SQS::Queue}
"""


def test_a_function_that_wakes_itself_is_not_woken_for_ever(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE % json.dumps(FUNCTION))
    world = World(tmp_path)
    ran = world.invoke("Again")
    assert ran.code == 0
    assert "it looks like a loop" in ran.err
    told = [r["valve"]["verdict"] for r in world.records() if r["eventName"] == "SendMessage"]
    assert told.count("allow") == 17
