"""What applications found in the wild rely on, without a word about it in their templates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from world import World

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Files: {Type: AWS::S3::Bucket}
  Results: {Type: AWS::SQS::Queue, Properties: {ReceiveMessageWaitTimeSeconds: 20}}
  Front:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: front.handler
      Runtime: python3.12
      Timeout: 1
      Timeout: 60
      Environment: {Variables: {FILES: !Ref Files, KEEPER: !Ref Keeper, RESULTS: !Ref Results}}
      Policies:
        - S3ReadPolicy: {BucketName: !Ref Files}
        - LambdaInvokePolicy: {FunctionName: !Ref Keeper}
        - SQSSendMessagePolicy: {QueueName: !GetAtt Results.QueueName}
        - Statement: [{Effect: Allow, Action: s3:ListAllMyBuckets, Resource: "arn:aws:s3:::*"}]
  Keeper:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: keeper.handler
      TenancyConfig: {TenantIsolationMode: PER_TENANT}
      Runtime: python3.12
      Events:
        Wanted:
          Type: SQS
          Properties:
            Queue: !GetAtt Results.Arn
            FilterCriteria: {Filters: [{Pattern: '{"body": {"kind": ["wanted"]}}'}]}
"""

FRONT = """\
import base64, json, os, urllib.request
import boto3
from botocore.exceptions import ClientError

s3, functions, sqs = boto3.client("s3"), boto3.client("lambda"), boto3.client("sqs")


def code_of(call, **told):
    try:
        call(**told)
    except ClientError as error:
        return error.response["Error"]["Code"]


def handler(event, context):
    listed = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    note = s3.get_object(Bucket=os.environ["FILES"], Key="note.txt")["Body"].read().decode()
    for kind in ("wanted", "other"):
        sqs.send_message(QueueUrl=os.environ["RESULTS"], MessageBody=json.dumps({"kind": kind}))
    invoke = {"FunctionName": os.environ["KEEPER"], "InvocationType": "Event"}
    codes = [
        code_of(functions.invoke, **invoke, Payload=json.dumps("x" * (1 << 20))),
        code_of(functions.invoke, **invoke, Payload=b"not json"),
        code_of(s3.head_object, Bucket="elsewhere", Key=note),
    ]
    try:
        urllib.request.urlopen("https://elsewhere.test/", data=note.encode())
    except OSError as error:
        codes.append(error.code)
    told = base64.b64encode(json.dumps({"custom": {"app": "a"}}).encode()).decode()
    answer = functions.invoke(FunctionName=os.environ["KEEPER"], ClientContext=told, TenantId="t-1")
    beside = json.load(answer["Payload"])
    return {"beside": beside, "listed": listed == [os.environ["FILES"]], "note": note, "codes": codes,
            "traced": "Root=" in os.environ.get("_X_AMZN_TRACE_ID", "")}
"""

KEEPER = """\
def handler(event, context):
    if "Records" not in event:
        return [context.client_context.custom, context.tenant_id]
    print("woken by", [record["body"] for record in event["Records"]])
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "src").mkdir()
    for path, content in {
        "template.yaml": TEMPLATE,
        "src/front.py": FRONT,
        "src/keeper.py": KEEPER,
        "seed.yaml": "Files: {note.txt: hello}\n",
        "valve.yaml": "version: 1\n",
    }.items():
        (tmp_path / path).write_text(content)
    return World(tmp_path)


def test_what_applications_rely_on_is_there(world: World) -> None:
    ran = world.invoke("Front")
    assert json.loads(ran.out) == {
        "beside": [{"app": "a"}, "t-1"],
        "listed": True,
        "note": "hello",
        "codes": ["RequestEntityTooLargeException", "InvalidRequestContentException", "AccessDenied", 403],
        "traced": True,
    }, ran.err
    assert ran.code == 3
    assert "`Timeout` is written twice" in ran.err
    assert "called    src/front.py:10  call(**told)" in ran.err
    assert 'called    src/front.py:27  urllib.request.urlopen("https://elsewhere.test/"' in ran.err
    woken = [line for line in ran.err.splitlines() if "woken by" in line]
    assert [line.partition("woken by ")[2] for line in woken] == ["""['{"kind": "wanted"}']"""]


def test_a_function_that_cannot_be_run_here_fails_for_who_invokes_it_and_is_told_of_once(
    world: World,
) -> None:
    here = "CodeUri: src\n      Handler: keeper"
    (world.folder / "template.yaml").write_text(TEMPLATE.replace(here, here.replace("src", "gone")))
    ran = world.invoke("Front")
    assert ran.result["beside"]["errorType"] == "Valve.FunctionUnavailable"
    told = [line for line in ran.err.splitlines() if "`gone` is not there" in line]
    assert [line.partition(": `")[0] for line in told] == ["valve: template.yaml:23:16"]


TENANTS = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {InlineCode: "def handler(e, c): return c.tenant_id", Handler: index.handler, Runtime: python3.12}
Resources:
  Apart: {Type: AWS::Serverless::Function, Properties: {TenancyConfig: {TenantIsolationMode: PER_TENANT}}}
  Plain: {Type: AWS::Serverless::Function}
"""


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["Apart"], "`Apart` has a `TenancyConfig`"),
        (["Plain", "--tenant-id", "a"], "`Plain` has no `TenancyConfig`"),
        (["Apart", "--tenant-id", "a\nb"], "not the name of a tenant"),
    ],
)
def test_a_tenant_is_named_where_lambda_wants_one(tmp_path: Path, words: list[str], problem: str) -> None:
    (tmp_path / "template.yaml").write_text(TENANTS)
    world = World(tmp_path)
    refused = world.invoke(*words)
    assert (refused.code, problem in refused.err) == (2, True), refused.err
    assert world.invoke("Apart", "--tenant-id", "acme").result == "acme"
