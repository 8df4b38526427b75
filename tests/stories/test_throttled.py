"""A function that is full: that it is full is told by what it serves, and whoever hears of it knows that.

Knows three functions of one stack, run by the real valve. Does not know how events are counted.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from valve_aws.settings import Settings
from valve_aws.valve import Valve

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, CodeUri: src, Timeout: 30}}
Resources:
  Slow: {Type: AWS::Serverless::Function, Properties: {FunctionName: slow, Handler: app.slow,
    ReservedConcurrentExecutions: 1}}
  Busy: {Type: AWS::Serverless::Function, Properties: {Handler: app.busy, Policies: [
    {LambdaInvokePolicy: {FunctionName: !Ref Slow}}, {S3ReadPolicy: {BucketName: kept-bucket}}]}}
  Spy: {Type: AWS::Serverless::Function, Properties: {Handler: app.spy, Policies: [
    {LambdaInvokePolicy: {FunctionName: !Ref Slow}}]}}
  Kept: {Type: AWS::S3::Bucket, Properties: {BucketName: kept-bucket}}
"""
POLICY = """
version: 1
labels: {pii: {}}
stores: {Kept: {holds: [pii]}}
"""
CODE = """
import boto3, time
from botocore.config import Config

def slow(event, context):
    time.sleep(event["sleep"])

def called(sleep):
    client = boto3.client("lambda", config=Config(retries={"total_max_attempts": 1}))
    try:
        client.invoke(FunctionName="slow", Payload=b'{"sleep": %d}' % sleep)
        return True
    except client.exceptions.TooManyRequestsException:
        return False

def busy(event, context):
    if event["reads"]:
        boto3.client("s3").get_object(Bucket="kept-bucket", Key="a.txt")
    called(25)

def spy(event, context):
    return called(0)
"""


@pytest.mark.parametrize("reads", [True, False], ids=["labelled", "clean"])
def test_who_is_throttled_knows_what_the_events_carry_that_are_served(
    laid: Callable[[dict[str, str]], Path], reads: bool
) -> None:
    files = {"template.yaml": TEMPLATE, "valve.yaml": POLICY, "src/app.py": CODE}
    template = laid({**files, "seed.yaml": "Kept: {a.txt: theirs}\n"})
    valve = Valve.read(Settings(template=template), lambda _: None)

    async def runs() -> bytes:
        await valve.open()
        try:
            busy = asyncio.ensure_future(valve.invoke("Busy", json.dumps({"reads": reads}).encode()))
            async with asyncio.timeout(60):
                while not valve._housing._working.get("Slow"):
                    await asyncio.sleep(0.01)
            done = await valve.invoke("Spy", b"{}")
            assert not busy.done()
            busy.cancel()
            return done.payload
        finally:
            await valve.close()

    payload = asyncio.run(runs())
    assert payload == b"false" if not reads else b"Valve.ResultRefused" in payload
