"""`valve_canary`: a decoy that leaves fails the test and names the call and its line; its honest twin passes.

Knows the fixture. Does not know spellings nor ways out; `tests/canary` does.
"""

from __future__ import annotations

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
    assert "6 passed" in out
    for kind, how in (("name", "base64"), ("e-mail", "base64"), ("secret key", "plain, reversed")):
        assert f"✗ CANARY  the decoy {kind} left: {how}, in its body" in out
    assert "  by        Worker → sqs:SendMessage Jobs    r-" in out
    assert "  called    src/app.py:15  SQS.send_message(" in out
