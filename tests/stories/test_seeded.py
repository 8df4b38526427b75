"""What the operator seeds keeps its label, whoever writes beside it and wherever it is delivered on to.

Knows one small stack, run by the real valve on the embedded cloud. Does not know the book.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from valve_aws.settings import Settings
from valve_aws.valve import Valve

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, Handler: app.handler, CodeUri: src, Timeout: 30}}
Resources:
  First: {Type: AWS::Serverless::Function, Properties: {Policies: &both [
    {DynamoDBCrudPolicy: {TableName: !Ref Notes}},
    {SQSPollerPolicy: {QueueName: !GetAtt Jobs.QueueName}},
    {SQSPollerPolicy: {QueueName: !GetAtt Dead.QueueName}}],
    Events: {Api: {Type: Api, Properties: {Path: /x, Method: post}}}}}
  Second: {Type: AWS::Serverless::Function, Properties: {Policies: *both}}
  Notes: {Type: AWS::Serverless::SimpleTable, Properties: {TableName: notes,
    PrimaryKey: {Name: id, Type: String}}}
  Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs,
    RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 1}}}
  Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: dead}}
"""

POLICY = """
version: 1
labels: {pii: {}}
events: {First.Api: {label: [pii]}}
stores: {Notes: {accepts: [pii]}, Jobs: {accepts: [pii]}, Dead: {accepts: [pii]}}
results: {accepts: [pii]}
logs: {accepts: [pii]}
"""

SOURCE = """
import boto3
QUEUES = "https://sqs.us-east-1.amazonaws.com/123456789012/"
def handler(event, context):
    if "queue" in event:
        sqs = boto3.client("sqs")
        got = [sqs.receive_message(QueueUrl=QUEUES + event["queue"], VisibilityTimeout=0).get("Messages", ())
               for _ in range(event["times"])]
        return [message["Body"] for each in got for message in each]
    table = boto3.resource("dynamodb").Table("notes")
    if "note" in event:
        told = {"UpdateExpression": "SET note = :n", "ExpressionAttributeValues": {":n": event["note"]}}
        table.update_item(Key={"id": "n1"}, **told)
    return table.get_item(Key={"id": "n1"})["Item"].get("note")
"""

Steps = Sequence[tuple[str, str, dict[str, Any]]]
"""(function, trigger, event)."""


def lived(folder: Path, seed: str, steps: Steps) -> list[tuple[Any, set[str]]]:
    """Invoke one after the other; return each result and the label that it was judged with."""
    (folder / "src").mkdir()
    for name, content in (("src/app.py", SOURCE), ("template.yaml", TEMPLATE), ("valve.yaml", POLICY)):
        (folder / name).write_text(content)
    (folder / "seed.yaml").write_text(seed)
    settings = Settings(template=folder / "template.yaml", seed=folder / "seed.yaml")
    valve = Valve.read(settings, lambda _: None)

    async def life() -> list[tuple[Any, set[str]]]:
        await valve.open()
        try:
            told = []
            for function, trigger, event in steps:
                done = await valve.invoke(function, json.dumps(event).encode(), trigger)
                told.append((json.loads(done.payload), set(valve.records[-1].label)))
            return told
        finally:
            await valve.close()

    return asyncio.run(life())


def test_what_the_first_call_of_a_run_adds_to_a_seeded_item_keeps_its_label(tmp_path: Path) -> None:
    """The cloud starts, and is filled, between the raise of that call and its sending."""
    steps = [("First", "First.Api", {"note": "secret"}), ("Second", "", {})]
    told = lived(tmp_path, "Notes: [{id: n1, kind: plain}]", steps)
    assert told == [("secret", {"pii"}), ("secret", {"pii"})]


def test_a_seeded_message_that_ends_among_the_dead_letters_keeps_its_label(tmp_path: Path) -> None:
    steps = [("First", "", {"queue": "jobs", "times": 2}), ("Second", "", {"queue": "dead", "times": 1})]
    told = lived(tmp_path, "Jobs: [{body: secret, labels: [pii]}]", steps)
    assert told == [(["secret"], {"pii"}), (["secret"], {"pii"})]
