"""That something is tried again is told by how it ended, so the next try knows what was learned before.

Knows an attack: a function marks that it began, learns a secret, and fails for one value of it; who may
not learn the secret counts the marks. Does not know other exits.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.triggers.ground import Ground
from valve_aws.backend import Standing

CODE = """
import boto3, os, uuid

DB = boto3.resource("dynamodb")

def handler(event, context):
    try:
        DB.Table(os.environ["MARKS"]).put_item(Item={"id": str(uuid.uuid4())})
    except Exception:
        pass
    found = DB.Table(os.environ["SECRETS"]).get_item(Key={"id": "s"})["Item"]["text"]
    if found == "yes":
        raise ValueError("it was")
"""
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    CodeUri: src
    Handler: app.handler
    Runtime: python3.11
    Timeout: 20
    Environment: {Variables: {MARKS: !Ref Marks, SECRETS: !Ref Secrets}}
Resources:
  Deferred:
    Type: AWS::Serverless::Function
    Properties:
      Policies: &policies
        - DynamoDBWritePolicy: {TableName: !Ref Marks}
        - DynamoDBReadPolicy: {TableName: !Ref Secrets}
  Polled:
    Type: AWS::Serverless::Function
    Properties:
      Policies: *policies
      Events:
        In:
          Type: DynamoDB
          Properties: {Stream: !GetAtt Items.StreamArn, StartingPosition: LATEST, MaximumRetryAttempts: 2}
  Queued:
    Type: AWS::Serverless::Function
    Properties:
      Policies: *policies
      Events: {In: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}}
  Jobs: {Type: AWS::SQS::Queue}
  Marks: &table
    Type: AWS::Serverless::SimpleTable
    Properties: {PrimaryKey: {Name: id, Type: String}}
  Secrets: *table
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
"""
POLICY = """
version: 1
mode: enforce
labels: {pii: {}}
stores: {Secrets: {holds: [pii]}, Items: {accepts: [pii]}, Jobs: {accepts: [pii]}}
logs: {accepts: [pii]}
"""


def files(secret: str) -> dict[str, str]:
    seed = f"Secrets: [{{id: s, text: '{secret}'}}]\n"
    return {"template.yaml": TEMPLATE, "src/app.py": CODE, "valve.yaml": POLICY, "seed.yaml": seed}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Standing]:
    cloud = Standing()
    yield cloud
    cloud.end()


def told(tmp_path: Path, cloud: Standing, secret: str, mode: str) -> tuple[int, str]:
    """Wake each function once; return how many marks they leave, and what a mapping tells of its last batch.
    """
    with Ground(tmp_path / secret, files(secret), cloud, mode) as ground:
        ground.defer("Deferred", {})
        ground.client("dynamodb").put_item(TableName=ground.name("Items"), Item={"id": {"S": "1"}})
        ground.client("sqs").send_message(QueueUrl=ground.url("Jobs"), MessageBody="m")
        ground.drain()
        table = ground.name("Marks")
        marks = int(ground.client("dynamodb").scan(TableName=table)["Count"])
        return marks, ground.valve.triggering.processed("Polled", "In")


def test_neither_marks_nor_a_last_result_tell_whether_it_was_tried_again(
    tmp_path: Path, cloud: Standing
) -> None:
    found = {secret: told(tmp_path, cloud, secret, "enforce") for secret in ("yes", "no")}
    assert found == {"yes": (3, "OK"), "no": (3, "OK")}


def test_unguarded_both_tell(tmp_path: Path, cloud: Standing) -> None:
    assert told(tmp_path, cloud, "yes", "audit") == (9, "PROBLEM: Function call failed")
