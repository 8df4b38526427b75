"""One valve, run after run: a new run finds the seed's content and labels, and nothing of the run before.

Knows the valve from its own calls, on the embedded cloud. Does not know who wants another run; tests do.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from valve_aws.backend import Endpoint, Standing
from valve_aws.canary import Lookout, hatch
from valve_aws.settings import Settings
from valve_aws.valve import Valve

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Work:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python3.11
      Timeout: 30
      Environment: {Variables: {NOTES: !Ref Notes, PLAIN: !Ref Plain}}
      Policies:
        - DynamoDBCrudPolicy: {TableName: !Ref Notes}
        - DynamoDBCrudPolicy: {TableName: !Ref Plain}
        - S3ReadPolicy: {BucketName: files-bucket}
        - S3WritePolicy: {BucketName: open-bucket}
      Events: {Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}}
  Notes:
    Type: AWS::Serverless::SimpleTable
    Properties: {PrimaryKey: {Name: id, Type: String}}
  Plain:
    Type: AWS::Serverless::SimpleTable
    Properties: {PrimaryKey: {Name: id, Type: String}}
  Files: {Type: AWS::S3::Bucket, Properties: {BucketName: files-bucket}}
  Open: {Type: AWS::S3::Bucket, Properties: {BucketName: open-bucket}}
  Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
"""
CODE = """
import os, threading
import boto3
from botocore.exceptions import ClientError

S3 = boto3.client("s3")
TABLES = {name: boto3.resource("dynamodb").Table(os.environ[name]) for name in ("NOTES", "PLAIN")}
SEEN = []


def handler(event, context):
    if "waits" in event:
        threading.Event().wait()
    SEEN.append(event["id"])
    if event["from"] == "FILES":
        try:
            S3.copy_object(Bucket="open-bucket", Key="k", CopySource="files-bucket/" + event["id"])
        except ClientError as refused:
            return {"found": refused.response["Error"]["Code"], "seen": SEEN}
    found = TABLES[event["from"]].get_item(Key={"id": event["id"]}).get("Item")
    if "to" in event:
        TABLES[event["to"]].put_item(Item={"id": event["id"], "text": "mine"})
    return {"found": found, "seen": SEEN}
"""
POLICY = """
version: 1
labels: {pii: {}}
stores: {Notes: {holds: [pii]}, Plain: {accepts: [pii]}}
results: {accepts: [pii]}
logs: {accepts: [pii]}
"""
SEED = """
Notes: [{id: old, text: seeded}]
Plain: [{id: given, text: seeded, labels: [pii]}]
Files: {a.txt: {value: theirs, labels: [pii]}}
"""


def test_a_new_run_finds_the_seed_and_nothing_of_the_run_before(
    laid: Callable[[dict[str, str]], Path],
) -> None:
    template = laid(
        {"template.yaml": TEMPLATE, "src/app.py": CODE, "valve.yaml": POLICY, "seed.yaml": SEED}
    )
    kept, heard = Standing(), []
    valve = Valve.read(
        Settings(template=template),
        lambda _: None,
        heard=lambda who, stream, line, free: heard.append((stream, line)),
        moto=kept.start,
    )

    async def runs() -> None:
        await valve.open()
        try:
            await _writes(valve)
            port = (await valve.cloud()).port
            valve.passage.failed, valve.passage.lookout = True, Lookout(hatch(bytes))
            await asyncio.to_thread(_wakes, valve, await valve.cloud())
            await _leaves_one_warm(valve)
            due, behind = dict(valve.triggering._waking.due), set(valve._invoking.background)
            assert min(len(due), len(behind), len(valve.records)) > 0
            await valve.renew()
            assert all(task.cancelled() for task in behind)
            assert [*valve.triggering._waking.due, *valve._invoking.background, *valve.records] == []
            assert (valve.backend_failed, valve.passage.lookout) == (False, None)
            await valve.rested()
            await _finds(valve)
            assert (await valve.cloud()).port == port
        finally:
            await valve.close()
            kept.end()

    asyncio.run(runs())
    assert [line for stream, line in heard if stream == "platform" and line.startswith("START")]


async def _writes(valve: Valve) -> None:
    """Leave items, and their labels."""
    for ident in ("new", "new"):
        found, label = await _asked(valve, **{"id": ident, "from": "NOTES", "to": "PLAIN"})
        assert label == {"pii"}
    found, label = await _asked(valve, **{"id": "new", "from": "PLAIN"})
    assert (found["found"], label) == ({"id": "new", "text": "mine"}, {"pii"})


async def _leaves_one_warm(valve: Valve) -> None:
    """Leave an environment that has learned nothing, and would serve the next event."""
    found, label = await _asked(valve, **{"id": "none", "from": "PLAIN"})
    assert (found, label) == ({"found": None, "seen": ["none"]}, set())


def _wakes(valve: Valve, endpoint: Endpoint) -> None:
    """Leave a queue that is due, and an event under way that nobody waits for."""
    key = endpoint.credential
    session = boto3.Session(key.access_key, key.secret_key, key.token, "us-east-1")
    sqs, functions = (session.client(name, endpoint_url=endpoint.url) for name in ("sqs", "lambda"))
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="jobs")["QueueUrl"], MessageBody="go")
    name = valve.stack.functions["Work"].name
    functions.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"waits": true}')


async def _finds(valve: Valve) -> None:
    """Find what the seed says, and a label where it says so: before the cloud stands, too."""
    found, label = await _asked(valve, **{"id": "a.txt", "from": "FILES"})
    assert (found, label) == ({"found": "AccessDenied", "seen": ["a.txt"]}, {"pii"})
    found, label = await _asked(valve, **{"id": "given", "from": "PLAIN"})
    assert (found, label) == ({"found": {"id": "given", "text": "seeded"}, "seen": ["given"]}, {"pii"})
    found, label = await _asked(valve, **{"id": "new", "from": "PLAIN"})
    assert (found, label) == ({"found": None, "seen": ["new"]}, set())
    found, label = await _asked(valve, **{"id": "old", "from": "NOTES"})
    assert (found["found"], label) == ({"id": "old", "text": "seeded"}, {"pii"})


async def _asked(valve: Valve, **event: str) -> tuple[Any, set[str]]:
    """Return what the function found, and what its environment has learned by then."""
    done = await valve.invoke("Work", json.dumps(event).encode())
    assert not done.failed, done.payload
    label = {tag for r in valve.records if r.invocation == done.invocation for tag in r.label | r.joined}
    return json.loads(done.payload), label
