"""What a function learns from the answer of another, as the last thing that it does: no record of its comes
after, and it is known all the same.

Knows the valve from its own calls. Does not know who asks; a test's assertions do.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from valve_aws.report import Flows
from valve_aws.settings import Settings
from valve_aws.valve import Valve

CODE = """
import json, os
import boto3

def asks(name):
    return json.loads(boto3.client("lambda").invoke(FunctionName=os.environ[name])["Payload"].read())

def front(event, context):
    return asks("MIDDLE")

def middle(event, context):
    asks("KEEPER")
    return "done"

def keeper(event, context):
    return boto3.client("s3").get_object(Bucket="kept-bucket", Key="a.txt")["Body"].read().decode()
"""
FUNCTION = """
  {name}:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: {code}
      Handler: index.{handler}
      Runtime: python3.11
      Timeout: 30
      Environment: {{Variables: {variables}}}
      Policies: [{policy}]
"""
INVOKES = "{{LambdaInvokePolicy: {{FunctionName: !Ref {0}}}}}"
READS = "{S3ReadPolicy: {BucketName: kept-bucket}}"
FUNCTIONS = (
    ("Front", "{MIDDLE: !Ref Middle}", INVOKES.format("Middle")),
    ("Middle", "{KEEPER: !Ref Keeper}", INVOKES.format("Keeper")),
    ("Keeper", "{}", READS),
)
TEMPLATE = (
    "Transform: AWS::Serverless-2016-10-31\nResources:"
    + "".join(
        FUNCTION.format(
            name=name, code=json.dumps(CODE), handler=name.lower(), variables=variables, policy=policy
        )
        for name, variables, policy in FUNCTIONS
    )
    + "  Kept: {Type: AWS::S3::Bucket, Properties: {BucketName: kept-bucket}}\n"
)
POLICY = """
version: 1
mode: enforce
labels: {pii: {}}
stores: {Kept: {holds: [pii]}}
results: {accepts: [pii]}
"""


def test_what_another_function_answers_last_is_known_of_the_one_that_asked(
    laid: Callable[[dict[str, str]], Path],
) -> None:
    template = laid({"template.yaml": TEMPLATE, "valve.yaml": POLICY, "seed.yaml": "Kept: {a.txt: theirs}\n"})
    valve = Valve.read(Settings(template=template), lambda _: None)

    async def runs() -> bytes:
        await valve.open()
        try:
            done = await valve.invoke("Front", b"{}")
            assert not done.failed, done.payload
            return done.payload
        finally:
            await valve.close()

    assert asyncio.run(runs()) == b'"done"'
    assert valve.ledger.learned == {name: {"pii"} for name in ("Front", "Middle", "Keeper")}
    flows = Flows(valve.records, valve.stack, valve.policy)
    assert not flows.reached("pii", flows.place("Middle")), "so its records alone would say that it is clean"
