"""A function that a queue wakes, that reads a secret and then fails: what becomes of its message.

Knows one small stack, run by the real valve on the embedded cloud. Does not know the course.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from valve_aws.model.label import Label
from valve_aws.model.record import Record
from valve_aws.model.verdict import Holding
from valve_aws.running.invoking import Invoking
from valve_aws.settings import Settings
from valve_aws.valve import Valve

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, Handler: app.handler, CodeUri: src, Timeout: 30}}
Resources:
  Sender: {Type: AWS::Serverless::Function, Properties: {Policies: [
    {SQSSendMessagePolicy: {QueueName: !GetAtt Jobs.QueueName}}]}}
  Worker: {Type: AWS::Serverless::Function, Properties: {Policies: [
    {DynamoDBReadPolicy: {TableName: !Ref Vault}}],
    Events: {Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}}}}
  Counter: {Type: AWS::Serverless::Function, Properties: {Policies: [
    {SQSPollerPolicy: {QueueName: !GetAtt Jobs.QueueName}}]}}
  Vault: {Type: AWS::Serverless::SimpleTable, Properties: {TableName: vault,
    PrimaryKey: {Name: id, Type: String}}}
  Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
"""

POLICY = """
version: 1
labels: {pii: {}}
stores: {Vault: {holds: [pii]}, Jobs: {accepts: [%s]}}
"""

SOURCE = """
import boto3
JOBS = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"
def handler(event, context):
    sqs = boto3.client("sqs")
    if "send" in event:
        return sqs.send_message(QueueUrl=JOBS, MessageBody="plain")["MessageId"]
    if "count" in event:
        asked = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = sqs.get_queue_attributes(QueueUrl=JOBS, AttributeNames=asked)["Attributes"]
        return sum(map(int, told.values()))
    boto3.client("dynamodb").get_item(TableName="vault", Key={"id": {"S": "v"}})
    raise ValueError("it depends")
"""


def laid(folder: Path, accepts: str) -> Valve:
    (folder / "src").mkdir()
    files = (("src/app.py", SOURCE), ("template.yaml", TEMPLATE), ("valve.yaml", POLICY % accepts))
    for name, content in (*files, ("seed.yaml", "Vault: [{id: v, secret: s}]")):
        (folder / name).write_text(content)
    settings = Settings(template=folder / "template.yaml", seed=folder / "seed.yaml")
    return Valve.read(settings, lambda _: None)


def lived(valve: Valve) -> tuple[Any, list[Record]]:
    """Send a message, let it wake the worker, count; return the count and the records of the outcome."""

    async def life() -> tuple[Any, list[Record]]:
        await valve.open()
        try:
            await valve.invoke("Sender", b'{"send": 1}')
            await valve.drain()
            done = await valve.invoke("Counter", b'{"count": 1}')
            return json.loads(done.payload), [r for r in valve.records if r.operation == "Outcome"]
        finally:
            await valve.close()

    return asyncio.run(life())


def test_where_the_queue_does_not_take_the_label_the_message_is_gone_and_that_is_refused(
    tmp_path: Path,
) -> None:
    left, outcomes = lived(laid(tmp_path, ""))
    assert left == 0
    assert [(r.verdict, r.label) for r in outcomes] == [("refuse", frozenset({"pii"}))]


def test_where_it_takes_the_label_the_message_stays_and_whoever_counts_is_tainted(tmp_path: Path) -> None:
    left, outcomes = lived(laid(tmp_path, "pii"))
    assert outcomes
    assert {(r.verdict, r.writes) for r in outcomes} == {("allow", frozenset({"pii"}))}
    # The count carries the label, and a result accepts nothing here.
    assert left["errorType"] == "Valve.ResultRefused"


@pytest.mark.parametrize("carried", [frozenset(), frozenset({"pii"})], ids=["clean", "labelled"])
def test_the_outcome_of_a_loop_carries_what_its_event_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, carried: Label
) -> None:
    valve = laid(tmp_path, "")
    monkeypatch.setattr(valve.ledger, "looping", lambda _: True)
    never: Any = None  # what looks like a loop is not run
    invoking = Invoking(never, never, valve.ledger, print)
    ended = asyncio.run(invoking.for_queue("Worker", b"{}", Holding(carried), "Worker.Jobs", "", "r-1"))
    assert (ended.failed, ended.subject.label) == (True, carried)


def test_an_error_that_may_not_leave_is_held_back_as_a_response_is(tmp_path: Path) -> None:
    valve = laid(tmp_path, "")

    async def life() -> Any:
        await valve.open()
        try:
            return json.loads((await valve.invoke("Worker", b"{}")).payload)
        finally:
            await valve.close()

    told = asyncio.run(life())
    assert told["errorType"] == "Valve.ResultRefused"
    assert "it depends" not in json.dumps(told)
