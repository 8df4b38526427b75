"""An upload that is still leaving when its environment learns something is cut before that can follow."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
from world import World

FUNCTION = """
import io, os, threading, boto3
TABLE, BUCKET = os.environ["TABLE"], os.environ["BUCKET"]
begun, learned = threading.Event(), threading.Event()

class Slow(io.BytesIO):
    def read(self, size=-1):
        if self.tell() >= 1 << 20:
            begun.set()
            learned.wait(10)
        return super().read(min(size, 1 << 16) if size and size > 0 else size)

def upload(outcome):
    try:
        boto3.client("s3").put_object(Bucket=BUCKET, Key="late", Body=Slow(bytes(4 << 20)))
        outcome.append("done")
    except Exception as error:
        outcome.append(type(error).__name__)

def handler(event, context):
    outcome = []
    thread = threading.Thread(target=upload, args=(outcome,))
    thread.start()
    begun.wait(10)
    if event["learn"]:
        boto3.client("dynamodb").get_item(TableName=TABLE, Key={"id": {"S": "c1"}})
    learned.set()
    thread.join()
    return outcome
"""
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Upload:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      Runtime: python3.11
      Timeout: 30
      MemorySize: 512
      InlineCode: %s
      Environment: {Variables: {TABLE: !Ref Customers, BUCKET: !Ref Files}}
      Policies: [DynamoDBReadPolicy: {TableName: !Ref Customers}, S3CrudPolicy: {BucketName: !Ref Files}]
  Customers:
    Type: AWS::Serverless::SimpleTable
    Properties: {PrimaryKey: {Name: id, Type: String}}
  Files: {Type: AWS::S3::Bucket, Properties: {BucketName: files}}
"""
POLICY = """
version: 1
labels: {pii: {}}
stores: {Customers: {attributes: {email: [pii]}}}
results: {accepts: [pii]}
"""


def run(folder: Path, cloud: str, learn: bool, mode: str) -> tuple[list[str], list[str]]:
    """Return what the function says of its upload, and the keys that are there afterwards."""
    (folder / "template.yaml").write_text(TEMPLATE % json.dumps(FUNCTION))
    (folder / "valve.yaml").write_text(POLICY)
    (folder / "seed.yaml").write_text("Customers: [{id: c1, email: alice@example.org}]\n")
    world = World(folder, cloud)
    event = json.dumps({"learn": learn})
    ran = world.invoke("Upload", "-e", "-", "--seed", "seed.yaml", "--mode", mode, stdin=event)
    outside = boto3.client(
        "s3", endpoint_url=cloud, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    keys = [found["Key"] for found in outside.list_objects_v2(Bucket="files").get("Contents", ())]
    return ran.result, keys


def test_an_upload_under_way_is_cut_when_its_environment_learns(tmp_path: Path, cloud: str) -> None:
    outcome, keys = run(tmp_path, cloud, learn=True, mode="enforce")
    assert keys == []
    assert outcome != ["done"]


def test_the_same_upload_arrives_with_the_guard_off(tmp_path: Path, cloud: str) -> None:
    assert run(tmp_path, cloud, learn=True, mode="off") == (["done"], ["late"])


def test_the_same_upload_arrives_when_nothing_is_learned_meanwhile(tmp_path: Path, cloud: str) -> None:
    assert run(tmp_path, cloud, learn=False, mode="enforce") == (["done"], ["late"])
