"""Events that nobody waits for, over the API: throttled ones wait, and those of a function that reserves
nothing end at once.

Knows records that destinations get, read out of a queue of the embedded cloud. Does not know retries;
tests/triggers does.
"""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from tests.api.conftest import CODE, Town, built

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Echo:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: echo, Runtime: python3.11, Handler: app.handler, CodeUri: src}
  Caller:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: caller
      Runtime: python3.11
      Handler: app.caller
      CodeUri: src
      Timeout: 20
      Policies: [{LambdaInvokePolicy: {FunctionName: !Ref Echo}}]
  Full:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: full, Runtime: python3.11, Handler: app.handler, CodeUri: src,
                 ReservedConcurrentExecutions: 0}
  Told: {Type: AWS::SQS::Queue, Properties: {QueueName: told}}
"""
CALLER = """
def caller(event, context):
    import boto3
    client = boto3.client("lambda")
    try:
        answer = client.invoke(FunctionName=event["call"], Payload=b'{"context": 1}')
        return answer["ExecutedVersion"], json.load(answer["Payload"])["arn"][-9:]
    except client.exceptions.ResourceNotFoundException as gone:
        return gone.response["Error"]["Message"]
    except client.exceptions.TooManyRequestsException as full:
        told = full.response
        return told["Error"], told["ResponseMetadata"]["HTTPStatusCode"], told["Reason"]
"""


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An API whose functions tell a queue what became of events."""
    town = built(tmp_path_factory.mktemp("events"), TEMPLATE, CODE + CALLER)
    town.client().put_function_event_invoke_config(
        FunctionName="echo",
        MaximumRetryAttempts=0,
        DestinationConfig={
            place: {"Destination": "arn:aws:sqs:us-east-1:123456789012:told"}
            for place in ("OnSuccess", "OnFailure")
        },
    )
    yield town
    town.close()


def told(town: Town) -> Any:
    """Return the next record that was told to the queue."""
    cloud = town.loop.wait(town.valve.cloud())
    key = cloud.credential
    client = boto3.client(
        "sqs",
        endpoint_url=cloud.url,
        region_name="us-east-1",
        aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret_key,
        aws_session_token=key.token or None,
    )
    url = client.get_queue_url(QueueName="told")["QueueUrl"]
    for _ in range(20):
        for message in client.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", ()):
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return json.loads(message["Body"])
    raise AssertionError("nobody was told")


def test_an_event_that_is_throttled_waits_and_is_served_without_losing_a_try(events: Town) -> None:
    client = events.client()
    client.put_function_concurrency(FunctionName="echo", ReservedConcurrentExecutions=1)
    for sleep in (1.5, 0):
        client.invoke(FunctionName="echo", InvocationType="Event", Payload=json.dumps({"sleep": sleep}))
    records = [told(events), told(events)]
    client.delete_function_concurrency(FunctionName="echo")
    assert [record["requestContext"]["condition"] for record in records] == ["Success", "Success"]
    assert [record["requestContext"]["approximateInvokeCount"] for record in records] == [1, 1]
    assert {record["requestPayload"]["sleep"] for record in records} == {1.5, 0}


def test_an_event_for_a_function_with_nothing_reserved_ends_at_once(events: Town) -> None:
    client = events.client()
    client.put_function_concurrency(FunctionName="echo", ReservedConcurrentExecutions=0)
    client.invoke(FunctionName="echo", InvocationType="Event", Payload=b'{"n": 1}')
    record = told(events)
    client.delete_function_concurrency(FunctionName="echo")
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responsePayload" not in record


def test_an_event_that_failed_is_told_to_its_destination(events: Town) -> None:
    events.client().invoke(FunctionName="echo", InvocationType="Event", Payload=b'{"raise": "no"}')
    record = told(events)
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["responsePayload"]["errorType"] == "ValueError"


def test_a_function_reaches_versions_and_aliases_of_another(events: Town) -> None:
    client = events.client()
    client.publish_version(FunctionName="echo")
    client.create_alias(FunctionName="echo", Name="live", FunctionVersion="1")

    def called(name: str) -> Any:
        return json.load(client.invoke(FunctionName="caller", Payload=json.dumps({"call": name}))["Payload"])

    assert called("echo") == ["$LATEST", "tion:echo"]
    assert called("echo:live") == ["1", "echo:live"]
    assert called("echo:7") == "Function not found: arn:aws:lambda:us-east-1:123456789012:function:echo:7"


def test_a_function_that_calls_one_with_nothing_left_gets_the_throttling(events: Town) -> None:
    error, status, reason = json.load(
        events.client().invoke(FunctionName="caller", Payload=b'{"call": "full"}')["Payload"]
    )
    assert (error["Code"], status) == ("TooManyRequestsException", 429)
    assert reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
