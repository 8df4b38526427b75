"""The operator's own door: what he puts into the cloud has its label there, whoever's client he uses, and is
never judged.

Knows the valve from its own calls, on the embedded cloud. Does not know the fixtures that use the door.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from valve_aws.backend import Endpoint
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
      Policies: [{S3ReadPolicy: {BucketName: shared-bucket}}]
      Events: {Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}}
  Uploads: {Type: AWS::S3::Bucket, Properties: {BucketName: uploads-bucket}}
  Shared: {Type: AWS::S3::Bucket, Properties: {BucketName: shared-bucket}}
  Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
"""
CODE = """
import boto3

S3 = boto3.client("s3")


def handler(event, context):
    return S3.get_object(Bucket="shared-bucket", Key="copy.txt")["Body"].read().decode()
"""
POLICY = """
version: 1
mode: enforce
labels: {pii: {}}
stores: {Uploads: {holds: [pii]}, Shared: {accepts: [pii]}}
results: {accepts: [pii]}
logs: {accepts: [pii]}
"""

COPY = """
import boto3
s3 = boto3.client("s3")
s3.put_object(Bucket="uploads-bucket", Key="a.txt", Body=b"theirs")
s3.copy_object(Bucket="shared-bucket", Key="copy.txt", CopySource="uploads-bucket/a.txt")
"""
"""What it copies there has its label by the book alone: the bucket itself holds nothing."""

LENT = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@pytest.fixture
def made(laid: Callable[[dict[str, str]], Path]) -> Callable[[str], Valve]:
    """Return a function that makes a valve with a policy."""
    return lambda policy: Valve.read(
        Settings(template=laid({"template.yaml": TEMPLATE, "src/app.py": CODE, "valve.yaml": policy})),
        lambda _: None,
    )


@pytest.fixture
def valve(made: Callable[[str], Valve]) -> Valve:
    return made(POLICY)


def within(valve: Valve, operator: Callable[[Endpoint], Any]) -> tuple[Any, Any]:
    """Let the operator do something in a thread of his own; then ask the function for what it finds."""

    async def runs() -> tuple[Any, Any]:
        await valve.open()
        try:
            done = await asyncio.to_thread(operator, await valve.cloud())
            answer = await valve.invoke("Work", b"{}")
            return done, json.loads(answer.payload)
        finally:
            await valve.close()

    return asyncio.run(runs())


def client(endpoint: Endpoint, service: str, **key: str) -> Any:
    own = endpoint.credential
    told = key or {
        "aws_access_key_id": own.access_key,
        "aws_secret_access_key": own.secret_key,
        "aws_session_token": own.token,
    }
    return boto3.client(service, endpoint_url=endpoint.url, region_name="us-east-1", **told)


def learned(valve: Valve) -> set[str]:
    """What the function's environments have learned."""
    return {tag for record in valve.records if record.function == "Work" for tag in record.label}


def copy(endpoint: Endpoint, **key: str) -> None:
    s3 = client(endpoint, "s3", **key)
    s3.put_object(Bucket="uploads-bucket", Key="a.txt", Body=b"theirs")
    s3.copy_object(Bucket="shared-bucket", Key="copy.txt", CopySource="uploads-bucket/a.txt")


@pytest.mark.parametrize("own", [True, False], ids=["its own key", "somebody's key"])
def test_what_the_operator_puts_there_has_its_label(valve: Valve, own: bool) -> None:
    key = {} if own else {name.lower(): value for name, value in LENT.items()}
    _, answer = within(valve, lambda endpoint: copy(endpoint, **key))
    assert answer == "theirs"
    assert learned(valve) == {"pii"}
    mine = [(r.operation, r.verdict) for r in valve.records if not r.environment]
    assert mine == [("PutObject", "allow"), ("CopyObject", "allow")]


def test_beside_the_door_it_would_have_none(valve: Valve) -> None:
    def beside(_: Endpoint) -> None:
        moto = valve._cloud._endpoint
        assert moto is not None
        copy(moto)

    _, answer = within(valve, beside)
    assert answer == "theirs"
    assert learned(valve) == set()


def test_what_another_process_puts_there_has_its_label_too(valve: Valve) -> None:
    def put(endpoint: Endpoint) -> None:
        told = {"AWS_ENDPOINT_URL": endpoint.url, "AWS_DEFAULT_REGION": "us-east-1", **LENT}
        subprocess.run([sys.executable, "-c", COPY], env=told, check=True, timeout=60)

    _, answer = within(valve, put)
    assert answer == "theirs"
    assert learned(valve) == {"pii"}


@pytest.mark.parametrize("taken", [True, False], ids=["accepted", "refused"])
def test_a_result_that_he_asks_a_client_for_is_an_exit_as_any_result_is(
    made: Callable[[str], Valve], taken: bool
) -> None:
    """Law 11: he is not judged, and what a function gives him is."""
    valve = made(POLICY if taken else POLICY.replace("results: {accepts: [pii]}\n", ""))

    def asks(endpoint: Endpoint) -> Any:
        copy(endpoint)
        name = valve.stack.functions["Work"].name
        answer = client(endpoint, "lambda").invoke(FunctionName=name, Payload=b"{}")
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())

    (fault, payload), _ = within(valve, asks)
    told = "allow" if taken else "refuse"
    assert [r.verdict for r in valve.records if r.operation == "Result"] == [told, told]
    if taken:
        assert (fault, payload) == (None, "theirs")
    else:
        assert (fault, payload["errorType"]) == ("Unhandled", "Valve.ResultRefused")


def test_a_message_of_the_operators_wakes_its_function(valve: Valve) -> None:
    def sends(endpoint: Endpoint) -> None:
        copy(endpoint)
        queue = client(endpoint, "sqs").get_queue_url(QueueName="jobs")["QueueUrl"]
        client(endpoint, "sqs").send_message(QueueUrl=queue, MessageBody="go")

    async def runs() -> None:
        await valve.open()
        try:
            await asyncio.to_thread(sends, await valve.cloud())
            await valve.drain()
        finally:
            await valve.close()

    asyncio.run(runs())
    assert learned(valve) == {"pii"}


def test_the_operator_is_not_judged_and_reaches_no_control_route(valve: Valve) -> None:
    def acts(endpoint: Endpoint) -> tuple[list[str], int]:
        s3 = client(endpoint, "s3")
        s3.create_bucket(Bucket="nobodys-bucket")
        link = s3.generate_presigned_url("put_object", {"Bucket": "shared-bucket", "Key": "k"})
        s3.put_object(Bucket="nobodys-bucket", Key="way in", Body=link + endpoint.credential.secret_key)
        s3.put_object(Bucket="nobodys-bucket", Key="k", Body=b"x" * 100_000)
        content = s3.get_object(Bucket="nobodys-bucket", Key="k")["Body"].read()
        client(endpoint, "iam").list_users()
        try:
            with urllib.request.urlopen(f"{endpoint.url}/moto-api/data.json", timeout=20) as answer:
                status = answer.status
        except urllib.error.HTTPError as refused:
            status = refused.code
        return [content.decode()], status

    (content, status), _ = within(valve, acts)
    assert content == ["x" * 100_000]
    assert status >= 400
    assert not [r for r in valve.refusals if r.operation not in {"Unreadable"}]
