"""A small application on a LocalStack: one function takes an item to a store, another takes it from there.

Knows how its valve is lived. Does not know what is to become of a label.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.localstack.conftest import LocalStack
from valve_aws.model.record import Record
from valve_aws.settings import Settings
from valve_aws.valve import Valve

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    {Runtime: python3.11, CodeUri: src, Timeout: 30, Environment: {Variables: &names {
      CUSTOMERS: !Ref Customers, FILES: !Ref Files, JOBS: !Ref Jobs, NOTES: !Ref Notes, NEWS: !Ref News,
      TOLD: !Ref Told, OPEN: !Ref Open}}}
Resources:
  Bring: {Type: AWS::Serverless::Function, Properties: {Handler: app.bring, Policies: &all [
    {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "*", Resource: "*"}]}]}}
  Take: {Type: AWS::Serverless::Function, Properties: {Handler: app.take, Policies: *all}}
  Call: {Type: AWS::Serverless::Function, Properties: {Handler: app.call, Policies: *all}}
  Timed: {Type: AWS::Serverless::Function, Properties: {Handler: app.timed, Policies: *all}}
  Link: {Type: AWS::Serverless::Function, Properties: {Handler: app.link, Policies: *all}}
  Customers: {Type: AWS::Serverless::SimpleTable, Properties: {PrimaryKey: {Name: id, Type: String}}}
  Files: {Type: AWS::S3::Bucket}
  Jobs: {Type: AWS::SQS::Queue}
  Notes:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
  News:
    Type: AWS::SNS::Topic
    Properties: {Subscription: [{Protocol: sqs, Endpoint: !GetAtt Told.Arn}]}
  Told: {Type: AWS::SQS::Queue}
  Open: {Type: AWS::S3::Bucket}
"""

POLICY = """
version: 1
labels: {pii: {}}
stores:
  Customers: {attributes: {email: [pii/email]}}
  Files: {accepts: [pii]}
  Jobs: {accepts: [pii]}
  Notes: {accepts: [pii]}
  News: {accepts: [pii]}
  Told: {accepts: [pii]}
  Open: {accepts: []}
functions: {Link: {may-presign: {Files: {operations: [GetObject], keys: "out/*", expires: 60}}}}
results: {accepts: [pii]}
"""

SEED = "Customers: [{id: c1, email: alice@example.org, country: NL}]\n"

SOURCE = """
import json
import os

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

E = os.environ


def bring(event, _):
    asked = {"ProjectionExpression": event["what"]}
    found = boto3.client("dynamodb").get_item(TableName=E["CUSTOMERS"], Key={"id": {"S": "c1"}}, **asked)
    WAYS[event["by"]][0](found["Item"][event["what"]]["S"])


def take(event, _):
    text = WAYS[event["by"]][1]()
    try:
        boto3.client("s3").put_object(Bucket=E["OPEN"], Key=event["by"], Body=text.encode())
        return "arrived"
    except ClientError as refused:
        return refused.response["Error"]["Code"]


def call(event, _):
    if event.get("labelled"):
        boto3.client("dynamodb").get_item(TableName=E["CUSTOMERS"], Key={"id": {"S": "c1"}})
    config = Config(retries={"total_max_attempts": 1}, **event.get("config", {}))
    client = boto3.client(event["service"], endpoint_url=event.get("at"), config=config)
    try:
        told = getattr(client, event["do"])(**event["with"])
        return {k: v for k, v in told.items() if isinstance(v, str)}
    except ClientError as refused:
        return refused.response["Error"]["Code"]


def timed(event, _):
    import time

    s3, sqs, dynamodb = (boto3.client(name) for name in ("s3", "sqs", "dynamodb"))
    sqs_url, item = E["JOBS"], {"id": {"S": "n"}, "text": {"S": "x"}}
    calls = {
        "S3 PutObject": lambda: s3.put_object(Bucket=E["FILES"], Key="k", Body=b"x" * 1024),
        "S3 GetObject": lambda: s3.get_object(Bucket=E["FILES"], Key="k")["Body"].read(),
        "DynamoDB PutItem": lambda: dynamodb.put_item(TableName=E["NOTES"], Item=item),
        "DynamoDB GetItem": lambda: dynamodb.get_item(TableName=E["NOTES"], Key={"id": {"S": "n"}}),
        "SQS SendMessage": lambda: sqs.send_message(QueueUrl=sqs_url, MessageBody="x"),
    }
    found = {}
    for name, made in calls.items():
        made()
        times = []
        for _ in range(event["times"]):
            began = time.perf_counter()
            made()
            times.append(1000 * (time.perf_counter() - began))
        found[name] = times
    return found


def link(event, _):
    s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
    return s3.generate_presigned_url("get_object", {"Bucket": E["FILES"], "Key": event["key"]})


def object_in(text):
    boto3.client("s3").put_object(Bucket=E["FILES"], Key="k", Body=text.encode())


def object_out():
    return boto3.client("s3").get_object(Bucket=E["FILES"], Key="k")["Body"].read().decode()


def message_in(text):
    boto3.client("sqs").send_message(QueueUrl=E["JOBS"], MessageBody=text)


def message_out(queue="JOBS"):
    got = boto3.client("sqs").receive_message(QueueUrl=E[queue], WaitTimeSeconds=5)["Messages"][0]["Body"]
    return got if queue == "JOBS" else json.loads(got)["Message"]


def item_in(text):
    boto3.client("dynamodb").put_item(TableName=E["NOTES"], Item={"id": {"S": "n"}, "text": {"S": text}})


def item_out():
    got = boto3.client("dynamodb").get_item(TableName=E["NOTES"], Key={"id": {"S": "n"}})
    return got["Item"]["text"]["S"]


def news_in(text):
    boto3.client("sns").publish(TopicArn=E["NEWS"], Message=text)


def stream_out():
    streams = boto3.client("dynamodbstreams")
    (arn,) = [s["StreamArn"] for s in streams.list_streams(TableName=E["NOTES"])["Streams"]]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    asked = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    got = streams.get_records(ShardIterator=streams.get_shard_iterator(**asked)["ShardIterator"])
    return got["Records"][-1]["dynamodb"]["NewImage"]["text"]["S"]


WAYS = {
    "S3": (object_in, object_out),
    "SQS": (message_in, message_out),
    "DynamoDB": (item_in, item_out),
    "SNS": (news_in, lambda: message_out("TOLD")),
    "DynamoDB streams": (item_in, stream_out),
}
"""

Event = dict[str, Any]

Step = tuple[str, Event] | Callable[[], None]
"""A function and its event, or something that happens meanwhile."""


@dataclass
class Carrier:
    """The application in a folder, in an account of its own."""

    settings: Settings
    localstack: LocalStack
    said: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    wired: bool = True
    """Whether its topic is told to hand on to its queue."""

    @classmethod
    def made(cls, folder: Path, localstack: LocalStack) -> Carrier:
        """Write it into a folder."""
        (folder / "src").mkdir()
        account = str(secrets.randbelow(9 * 10**11) + 10**11)
        files = {"src/app.py": SOURCE, "template.yaml": TEMPLATE, "valve.yaml": POLICY, "seed.yaml": SEED}
        for name, content in files.items():
            (folder / name).write_text(content)
        folder.chmod(0o755)
        place = {"AWS_ENDPOINT_URL": localstack.url, "AWS_ACCESS_KEY_ID": account}
        called, where = f"carrier-{account}", folder / "template.yaml"
        told = Settings(where, stack=called, backend="localstack", place=place)
        return cls(replace(told, seed=folder / "seed.yaml"), localstack)

    @property
    def account(self) -> str:
        """Its account."""
        return self.settings.place["AWS_ACCESS_KEY_ID"]

    def client(self, service: str) -> Any:
        """Return the operator's client."""
        return self.localstack.client(service, account=self.account)

    def name(self, logical: str) -> str:
        """Return a store's name in the cloud."""
        return Valve.read(self.settings, self.said.append).stack.resources[logical].name

    def lived(self, *steps: Step, mode: str = "enforce") -> list[Any]:
        """Do one after the other in one life of a valve; return the result of each invocation."""
        return asyncio.run(self._life(steps, mode))

    async def _life(self, steps: Sequence[Step], mode: str) -> list[Any]:
        valve = Valve.read(replace(self.settings, mode=mode), self.said.append)
        await valve.open()
        if self.wired:
            self._subscribe(valve)
        try:
            told = []
            for step in steps:
                if callable(step):
                    await asyncio.to_thread(step)
                    continue
                done = await valve.invoke(step[0], json.dumps(step[1]).encode())
                told.append(json.loads(done.payload))
            self.records = list(valve.records)
            return told
        finally:
            await valve.close()

    def _subscribe(self, valve: Valve) -> None:
        arns = {logical: resource.arn for logical, resource in valve.stack.resources.items()}
        self.client("sns").subscribe(TopicArn=arns["News"], Protocol="sqs", Endpoint=arns["Told"])
