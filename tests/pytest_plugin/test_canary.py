"""`valve_canary`: a decoy that leaves fails the test and names the call and its line; its honest twin passes.

Knows the fixture. Does not know spellings nor ways out; `tests/canary` does.
"""

from __future__ import annotations

import pytest

from tests.pytest_plugin.conftest import Project

CODE = """
import base64, json, os
import boto3

DB, SQS = boto3.client("dynamodb"), boto3.client("sqs")


def handler(event, context):
    rows = DB.scan(TableName=os.environ["CUSTOMERS"])["Items"]
    told = {"rows": len(rows)}
    if event.get("steal") == "rows":
        told["rows"] = base64.b64encode(json.dumps(rows).encode()).decode()
    if event.get("steal") == "variables":
        told |= {name: value[::-1] for name, value in os.environ.items() if "SECRET" in name}
    SQS.send_message(QueueUrl=os.environ["JOBS"], MessageBody=json.dumps(told))
    return {"rows": len(rows)}
"""
POLICY = """
version: 1
mode: enforce
labels: {pii: {}}
stores: {Jobs: {accepts: [pii]}}
results: {accepts: [pii]}
"""
TESTS = """
def test_honest(valve_canary, valve_lambda):
    assert valve_lambda("Worker").invoke({}).result == {"rows": 2}


def test_without(valve_lambda):
    assert valve_lambda("Worker").invoke({"steal": "rows"}).result == {"rows": 1}


def test_rows(valve_lambda, valve_canary):
    valve_lambda("Worker").invoke({"steal": "rows"})


def test_variables(valve_canary, valve_lambda):
    valve_lambda("Worker").invoke({"steal": "variables"})


def test_meant(valve_canary, valve_lambda):
    valve_lambda("Worker").invoke({"steal": "rows"})
    assert {s.decoy.kind for s in valve_canary.sightings} == {"name", "e-mail"}
    valve_canary.allow(to="Jobs")
    assert valve_canary.sightings == []


def test_late(request):
    request.getfixturevalue("valve_canary")


def test_secret(valve_canary, valve_stack):
    valve_canary.object("Files")
    text = valve_stack.client("secretsmanager").get_secret_value(SecretId="backup/credentials")
    text = text["SecretString"]
    assert valve_canary.access_key in text and valve_canary.secret in text
    place = {"Bucket": valve_stack.name("Files"), "Key": "backup/credentials.json"}
    assert valve_canary.secret_key.encode() in valve_stack.client("s3").get_object(**place)["Body"].read()
"""


def test_a_decoy_that_leaves_fails_the_test_and_names_the_line(project: Project) -> None:
    template = (project.folder / "template.yaml").read_text() + "  Files: {Type: AWS::S3::Bucket}\n"
    project.write(**{"template.yaml": template, "valve.yaml": POLICY, "src/app.py": CODE}, test_canary=TESTS)
    code, out = project.pytest("-v", "-rA")
    assert code == 1, out
    ended = {line.split("::")[1].split(" ")[0] for line in out.splitlines() if line.startswith("ERROR ")}
    assert ended == {"test_rows", "test_variables"}, out
    assert "1 failed, 6 passed" in out
    assert "ask for it in the test's own arguments" in out
    for kind, how in (("name", "base64"), ("e-mail", "base64"), ("secret key", "plain, reversed")):
        assert f"✗ CANARY  the decoy {kind} left: {how}, in its body" in out
    assert "  by        Worker → sqs:SendMessage Jobs    r-" in out
    assert "  called    src/app.py:15  SQS.send_message(" in out


IN_PROCESS = """
import os
import boto3
import pytest
from moto import mock_aws


@pytest.fixture(autouse=True)
def cloud(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield


def handler(event, context):
    url = boto3.client("sqs").create_queue(QueueName="own")["QueueUrl"]
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody=os.environ[event["name"]])


def test_leak(valve_canary, valve_guard):
    valve_guard.handler("Worker", handler)({"name": "BACKUP_SECRET_ACCESS_KEY"}, None)


def test_twin(valve_guard, valve_canary):
    valve_guard.handler("Worker", handler)({"name": "AWS_DEFAULT_REGION"}, None)
    boto3.client("dynamodb").create_table(
        TableName=valve_canary._cloud.name("Customers"), BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])
    valve_canary.record("Customers", id="c9")
    names = boto3.client("dynamodb").scan(TableName=valve_canary._cloud.name("Customers"))["Items"]
    assert names[0]["name"] == {"S": valve_canary.name}


def test_after():
    assert "BACKUP_SECRET_ACCESS_KEY" not in os.environ


def test_session(valve_canary, valve_session_flows):
    pass
"""


@pytest.mark.slow
def test_handlers_of_the_test_s_own_process_are_looked_at_too(project: Project) -> None:
    project.write(test_in_process=IN_PROCESS)
    code, out = project.pytest("--valve-mode=audit", "-rA")
    assert code == 1, out
    ended = {line.split("::")[1].split(" ")[0] for line in out.splitlines() if line.startswith("ERROR ")}
    assert ended == {"test_leak", "test_session"}, out
    assert "3 passed" in out
    assert "✗ CANARY  the decoy secret key left: plain, in its values" in out
    assert "ask for fixtures that last as long as it" in out
