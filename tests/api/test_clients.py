"""Clients that others have written, unmodified: the `aws` command, and Powertools for AWS Lambda inside.

Knows pip, by which both are had as their users have them. Does not know how anything is answered.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Town, built
from tests.api.test_functions import code

QUIET = ("--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--no-compile")

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: orders
      Runtime: python3.11
      Handler: app.handler
      CodeUri: src
      Timeout: 30
      Environment: {Variables: {TABLE: !Ref Seen, POWERTOOLS_SERVICE_NAME: shop,
      POWERTOOLS_METRICS_NAMESPACE: n}}
      Policies: [AmazonDynamoDBFullAccess, AmazonSSMReadOnlyAccess]
  Seen:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: seen
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Rate: {Type: AWS::SSM::Parameter, Properties: {Name: /shop/rate, Type: String, Value: "7"}}
"""

HANDLER = """
import os
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function)

logger, tracer, metrics = Logger(), Tracer(), Metrics()
app, processor, done = APIGatewayRestResolver(), BatchProcessor(EventType.SQS), []
seen = DynamoDBPersistenceLayer(table_name=os.environ["TABLE"])

@app.get("/rate/<name>")
def rate(name):
    return {"name": name, "rate": parameters.get_parameter("/shop/rate")}

@idempotent_function(data_keyword_argument="order", persistence_store=seen)
def take(order):
    done.append(order)
    return {"taken": order}

@tracer.capture_method
def work(record):
    if record.body == "bad":
        raise ValueError(record.body)
    return take(order=record.body)

@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event, context):
    IdempotencyConfig().register_lambda_context(context)
    logger.info("came", keys=sorted(event))
    metrics.add_metric(name="Came", unit=MetricUnit.Count, value=1)
    if "Records" in event:
        told = process_partial_response(event=event, record_handler=work, processor=processor,
        context=context)
        return {**told, "done": done}
    return app.resolve(event, context)
"""


SAY = '{"say": "hello"}'


def installed(folder: Path, *wanted: str) -> None:
    """Install what users install, into a folder."""
    pip = (sys.executable, "-m", "pip", "install", *QUIET, "--target", str(folder), *wanted)
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def aws(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """The `aws` command, pointed at the shared API."""
    beside = tmp_path_factory.mktemp("awscli")
    installed(beside, "awscli")
    told = {
        "AWS_ENDPOINT_URL_LAMBDA": town.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "HOME": str(beside),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(beside),
    }

    def run(*words: str) -> Any:
        command = (sys.executable, "-m", "awscli", "lambda", *words, "--output", "json")
        done = subprocess.run(command, cwd=beside, env=told, capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stderr.strip()
        return json.loads(done.stdout) if done.stdout.strip() else None

    return run


@pytest.mark.slow
def test_the_aws_command_makes_invokes_and_deletes_a_function(aws: Any, tmp_path: Path) -> None:
    (tmp_path / "code.zip").write_bytes(code("{'said': event['say'], 'arn': context.invoked_function_arn}"))
    made = aws(
        *("create-function", "--function-name", "by-hand", "--runtime", "python3.11"),
        *("--handler", "app.handler", "--role", "arn:aws:iam::123456789012:role/r"),
        *("--zip-file", f"fileb://{tmp_path}/code.zip", "--publish"),
    )
    assert (made["FunctionName"], made["Version"]) == ("by-hand", "1")
    assert aws("wait", "function-active-v2", "--function-name", "by-hand") is None
    out = tmp_path / "out"
    told = aws(
        *("invoke", "--function-name", "by-hand:1", "--payload", SAY),
        *("--log-type", "Tail", str(out)),
    )
    assert (told["StatusCode"], told["ExecutedVersion"]) == (200, "1")
    assert "REPORT RequestId" in base64.b64decode(told["LogResult"]).decode()
    assert json.loads(out.read_text())["arn"].endswith(":by-hand:1")
    listed = aws("list-functions", "--query", "Functions[].FunctionName", "--max-items", "10")
    assert {"by-hand", "echo"} <= set(listed)
    assert aws("delete-function", "--function-name", "by-hand") in (None, {"StatusCode": 204})
    gone = aws("get-function", "--function-name", "by-hand")
    assert "(ResourceNotFoundException)" in gone
    assert "Function not found: arn:aws:lambda:us-east-1:123456789012:function:by-hand" in gone


@pytest.mark.slow
def test_powertools_run_unmodified(tmp_path: Path) -> None:
    town = built(tmp_path, TEMPLATE, HANDLER)
    try:
        # Why beside the code, as `sam build` has it: nothing of it is ours.
        installed(tmp_path / "src", "aws-lambda-powertools[tracer]")
        client = town.client()
        answer = client.invoke(FunctionName="orders", Payload=json.dumps(asked("/rate/eur")), LogType="Tail")
        told = json.load(answer["Payload"])
        assert json.loads(told["body"]) == {"name": "eur", "rate": "7"}
        tail = base64.b64decode(answer["LogResult"]).decode().split("\n")
        lines = [line for line in tail if line[:1] == "{"]
        logged, measured = json.loads(lines[0]), json.loads(lines[1])
        assert (logged["message"], logged["service"], logged["function_name"]) == ("came", "shop", "orders")
        assert logged["function_request_id"] == answer["ResponseMetadata"]["RequestId"]
        assert logged["xray_trace_id"].startswith("1-")
        assert measured["Came"] == [1.0]
        records = [record("1", "a"), record("2", "bad"), record("3", "a")]
        told = json.load(
            client.invoke(FunctionName="orders", Payload=json.dumps({"Records": records}))["Payload"]
        )
        assert told == {"batchItemFailures": [{"itemIdentifier": "2"}], "done": ["a"]}
    finally:
        town.close()


def asked(path: str) -> dict[str, Any]:
    """Return an event of a REST API."""
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": "GET",
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "requestContext": {"stage": "Prod", "path": path, "httpMethod": "GET"},
        "body": None,
        "isBase64Encoded": False,
    }


def record(ident: str, body: str) -> dict[str, Any]:
    """Return one message of an SQS event."""
    source = "arn:aws:sqs:us-east-1:123456789012:orders"
    told = {"messageId": ident, "receiptHandle": "r", "body": body}
    return {**told, "eventSource": "aws:sqs", "eventSourceARN": source}
