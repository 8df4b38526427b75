"""Ways out through a state machine, as a function that may start it would take them.

Knows each way with the guard off, where it leads out, and what becomes of it in `enforce`. Does not know
how an execution is followed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.triggers.ground import Ground
from valve_aws.backend import Standing
from valve_aws.backend.machines import EXECUTION
from valve_aws.model.verdict import Mode

pytestmark = pytest.mark.slow

CODE = """
import boto3, json, os

def begin(event, context):
    asked = {"TableName": os.environ["PEOPLE"], "Key": {"id": {"S": event["who"]}}}
    if event["who"] == "c2":
        asked["ProjectionExpression"] = "id"
    item = boto3.client("dynamodb").get_item(**asked)["Item"]
    told = {**event.get("told", {}), "email": item.get("email", {}).get("S", "")}
    named = {"name": event["name"]} if "name" in event else {}
    begun = {"stateMachineArn": os.environ[event["machine"]], "input": json.dumps(told), **named}
    boto3.client("stepfunctions").start_execution(**begun)

def read(event, context):
    asked = {"TableName": os.environ["PEOPLE"], "Key": {"id": {"S": event["who"]}}}
    return boto3.client("dynamodb").get_item(**asked)["Item"]["email"]["S"]

def answer(event, context):
    read(event, context)
    getattr(boto3.client("stepfunctions"), event["call"])(**event["told"])

def look(event, context):
    client = boto3.client("stepfunctions")
    try:
        return json.dumps(getattr(client, event["call"])(**event["told"]), default=str)
    except client.exceptions.ClientError as error:
        return error.response["Error"]["Code"]

def charge(event, context):
    print("charged", json.dumps(event))
"""
EMAIL = "alice@example.org"


def task(resource: str, **parameters: Any) -> dict[str, Any]:
    told = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters, "End": True}
    return {"StartAt": "Do", "States": {"Do": told}}


def ask() -> dict[str, Any]:
    return task(
        "sqs:sendMessage.waitForTaskToken",
        **{"QueueUrl": "${Asked}", "MessageBody.$": "$$.Task.Token"},
    )


WAITS = {key: value for key, value in ask()["States"]["Do"].items() if key != "End"}
MACHINES = {
    "Pass": task("sqs:sendMessage", **{"QueueUrl": "${Out}", "MessageBody.$": "$.email"}),
    "Anywhere": task("sqs:sendMessage", **{"QueueUrl.$": "$.to", "MessageBody.$": "$.email"}),
    "Unknown": task("aws-sdk:polly:putLexicon", **{"Name": "lexicon", "Content.$": "$.email"}),
    "Open": task("aws-sdk:sqs:setQueueAttributes", **{"QueueUrl": "${Out}", "Attributes.$": "$.attributes"}),
    "Ask": ask(),
    "Later": {
        "StartAt": "Wait",
        "States": {
            "Wait": {**WAITS, "ResultPath": None, "Next": "Send"},
            "Send": task("sqs:sendMessage", **{"QueueUrl": "${Out}", "MessageBody.$": "$.email"})["States"][
                "Do"
            ],
        },
    },
    "Slow": {
        "StartAt": "Wait",
        "States": {"Wait": {"Type": "Wait", "Seconds": 10, "Next": "Leave"}, "Leave": {"Type": "Fail"}},
    },
    "Both": {
        "StartAt": "Two",
        "States": {
            "Two": {
                "Type": "Parallel",
                "End": True,
                "Branches": [
                    ask(),
                    {
                        "StartAt": "Wait",
                        "States": {
                            "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Read"},
                            "Read": {"Type": "Task", "Resource": "${Read}", "Next": "Leave"},
                            "Leave": {"Type": "Fail"},
                        },
                    },
                ],
            }
        },
    },
    "Copy": task("aws-sdk:s3:copyObject", Bucket="${Public}", Key="k", CopySource="${Private}/k"),
    "Charged": task("lambda:invoke", **{"FunctionName": "${Charge}", "Payload.$": "$"}),
}
TEMPLATE = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Globals": {"Function": {"CodeUri": "src", "Runtime": "python3.11", "Timeout": 60}},
    "Resources": {
        "People": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            },
        },
        "Out": {"Type": "AWS::SQS::Queue"},
        "Asked": {"Type": "AWS::SQS::Queue"},
        "Private": {"Type": "AWS::S3::Bucket"},
        "Public": {"Type": "AWS::S3::Bucket"},
        "Begin": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Handler": "app.begin",
                "Policies": [
                    {"DynamoDBReadPolicy": {"TableName": {"Ref": "People"}}},
                    *(
                        {"StepFunctionsExecutionPolicy": {"StateMachineName": {"Fn::GetAtt": [each, "Name"]}}}
                        for each in MACHINES
                    ),
                ],
                "Environment": {
                    "Variables": {"PEOPLE": {"Ref": "People"}, **{each: {"Ref": each} for each in MACHINES}}
                },
            },
        },
        **{
            name: {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "Handler": f"app.{name.lower()}",
                    "Policies": [
                        {"DynamoDBReadPolicy": {"TableName": {"Ref": "People"}}},
                        {"Statement": [{"Effect": "Allow", "Action": "states:*", "Resource": "*"}]},
                    ],
                    "Environment": {"Variables": {"PEOPLE": {"Ref": "People"}}},
                },
            }
            for name in ("Read", "Answer", "Look")
        },
        "Charge": {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "app.charge"}},
        **{
            name: {
                "Type": "AWS::Serverless::StateMachine",
                "Properties": {
                    "Definition": definition,
                    "DefinitionSubstitutions": {
                        **{each: {"Ref": each} for each in ("Out", "Asked", "Private", "Public")},
                        "Read": {"Fn::GetAtt": ["Read", "Arn"]},
                        "Charge": {"Fn::GetAtt": ["Charge", "Arn"]},
                    },
                },
            }
            for name, definition in MACHINES.items()
        },
    },
}
POLICY = {
    "version": 1,
    "labels": {"pii": {}},
    "stores": {
        "People": {"attributes": {"email": ["pii/email"]}},
        **{name: {"accepts": ["pii"]} for name in MACHINES},
        "arn:aws:states:us-east-1:123456789012:*": {"accepts": ["pii"]},
        "Private": {"holds": ["pii"]},
    },
    "functions": {"Charge": {"from": ["Begin"]}},
}
FILES = {
    "template.yaml": json.dumps(TEMPLATE),
    "valve.yaml": json.dumps(POLICY),
    "seed.yaml": f"People: [{{id: c1, email: {EMAIL}}}, {{id: c2}}]\n",
    "src/app.py": CODE,
}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Standing]:
    cloud = Standing()
    yield cloud
    cloud.end()


@pytest.fixture(params=["off", "enforce"])
def ground(request: pytest.FixtureRequest, tmp_path: Path, cloud: Standing) -> Iterator[Ground]:
    with Ground(tmp_path, FILES, cloud, mode=request.param) as ground:
        yield ground


def begin(ground: Ground, machine: str, who: str, **more: Any) -> None:
    ground.invoke("Begin", {"machine": machine, "who": who, **more})
    ground.settle()


def guarded(ground: Ground) -> bool:
    return str(ground.valve.mode) == "enforce"


def reasons(ground: Ground) -> set[tuple[str, str]]:
    return {(r.function, r.reasons[0].rule) for r in ground.valve.refusals}


def sent(ground: Ground) -> list[str]:
    return [each["Body"] for each in ground.taken("Out")]


@pytest.mark.parametrize("name", ["first ", "first\t"])
def test_an_execution_is_not_taken_for_another_of_nearly_its_name(ground: Ground, name: str) -> None:
    begin(ground, "Pass", "c2", name="first")
    begin(ground, "Pass", "c1", name=name)
    assert (EMAIL in sent(ground)) is not guarded(ground)


def test_a_call_of_which_nobody_knows_what_it_does_is_not_made_for_a_machine(ground: Ground) -> None:
    begin(ground, "Unknown", "c1")
    (verdict,) = {r.verdict for r in ground.valve.records if r.operation == "PutLexicon"}
    assert (verdict == "allow") is not guarded(ground), "the request that reaches the cloud is the leak"
    if guarded(ground):
        assert ("Unknown", "unknown-operation") in reasons(ground)


def test_a_machine_reaches_nothing_that_is_not_of_this_stack(ground: Ground) -> None:
    sqs = ground.client("sqs")
    there = sqs.create_queue(QueueName="somebodys")["QueueUrl"]
    begin(ground, "Anywhere", "c2", told={"to": there})
    assert bool(sqs.receive_message(QueueUrl=there).get("Messages")) is not guarded(ground)
    if guarded(ground):
        assert ("Anywhere", "perimeter") in reasons(ground)
    begin(ground, "Anywhere", "c2", told={"to": ground.url("Out")})
    assert sent(ground) == [""], "the honest twin"


def test_a_machine_opens_no_exit_without_a_grant(ground: Ground) -> None:
    opened = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*"}]})
    begin(ground, "Open", "c2", told={"attributes": {"Policy": opened}})
    found = ground.client("sqs").get_queue_attributes(QueueUrl=ground.url("Out"), AttributeNames=["Policy"])
    assert ("Attributes" in found) is not guarded(ground)
    if guarded(ground):
        assert ("Open", "opens-an-exit") in reasons(ground)


def test_an_execution_of_which_nothing_is_known_carries_all_that_its_machine_may(ground: Ground) -> None:
    address = ground.call(ground.valve.triggering.machines.address())
    client = boto3.client("sqs", endpoint_url=address, region_name="us-east-1", **KEYS)
    execution = ground.valve.stack.resources["Pass"].arn.replace(":stateMachine:", ":execution:") + ":unknown"
    client.meta.events.register(
        "before-call", lambda params, **_: params["headers"].update({EXECUTION: execution})
    )
    with nullcontext() if not guarded(ground) else pytest.raises(client.exceptions.ClientError):
        client.send_message(QueueUrl=ground.url("Out"), MessageBody=EMAIL)
    assert bool(sent(ground)) is not guarded(ground)


KEYS = {"aws_access_key_id": "anybody", "aws_secret_access_key": "anybody"}


def test_a_function_does_not_run_for_a_machine_that_it_does_not_name(ground: Ground) -> None:
    begin(ground, "Charged", "c2")
    assert bool(ground.printed("charged")) is not guarded(ground)
    if guarded(ground):
        assert ("Charged", "from") in reasons(ground)


def test_a_machine_that_the_policy_names_may(tmp_path: Path, cloud: Standing) -> None:
    named = {
        "functions": {"Charge": {"from": ["Charged"]}},
        "grant": [{"functions": ["Open"], "configure": ["Out"], "why": "sets how long messages stay"}],
    }
    files = {**FILES, "valve.yaml": json.dumps({**POLICY, **named})}
    with Ground(tmp_path, files, cloud, mode="enforce") as ground:
        begin(ground, "Charged", "c2")
        assert ground.printed("charged") == [{"email": ""}]
        begin(ground, "Open", "c2", told={"attributes": {"MessageRetentionPeriod": "60"}})
        asked = {"QueueUrl": ground.url("Out"), "AttributeNames": ["MessageRetentionPeriod"]}
        found = ground.client("sqs").get_queue_attributes(**asked)["Attributes"]
        assert found == {"MessageRetentionPeriod": "60"}
        assert reasons(ground) == set()


def started(ground: Ground, machine: str) -> str:
    """Have the operator start an execution; return its ARN."""
    client, arn = ground.client("stepfunctions"), ground.valve.stack.resources[machine].arn
    told: str = client.start_execution(stateMachineArn=arn, input='{"who": "c1"}', name="one")["executionArn"]
    return told


def asked(ground: Ground) -> str:
    """Return the token of the task that waits, once it does."""
    client, url = ground.client("sqs"), ground.url("Asked")
    found: str = client.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"][0]["Body"]
    return found


def learned(ground: Ground, call: str, **told: str) -> bool:
    """Say whether a function that is clean gets to know what a call answers, and stays clean."""
    result = ground.invoke("Look", {"call": call, "told": told})
    return not (isinstance(result, dict) and result["errorType"] == "Valve.ResultRefused")


def test_how_an_execution_that_was_answered_has_ended_is_told_with_its_label(ground: Ground) -> None:
    execution = started(ground, "Ask")
    told = {"taskToken": asked(ground), "error": "no"}
    ground.invoke("Answer", {"who": "c1", "call": "send_task_failure", "told": told})
    ground.settle()
    machine = ground.valve.stack.resources["Ask"].arn
    assert learned(ground, "list_executions", stateMachineArn=machine) is not guarded(ground)
    assert learned(ground, "stop_execution", executionArn=execution) is not guarded(ground)
    again = {"stateMachineArn": machine, "name": "one", "input": "{}"}
    assert learned(ground, "start_execution", **again) is not guarded(ground)


@pytest.mark.parametrize("how", ["it learns something", "it is stopped"])
def test_whether_an_execution_still_waits_is_told_with_its_label(ground: Ground, how: str) -> None:
    execution = started(ground, "Both" if how == "it learns something" else "Ask")
    token = asked(ground)
    assert learned(ground, "send_task_heartbeat", taskToken=token), "nobody has learned anything yet"
    if how == "it is stopped":
        told = {"executionArn": execution}
        ground.invoke("Answer", {"who": "c1", "call": "stop_execution", "told": told})
    else:
        ground.settle()
    assert learned(ground, "send_task_heartbeat", taskToken=token) is not guarded(ground)


def test_that_a_task_was_refused_for_what_it_looked_at_is_told_with_its_label(ground: Ground) -> None:
    ground.client("s3").put_object(Bucket=ground.name("Private"), Key="k", Body=EMAIL)
    execution = started(ground, "Copy")
    ground.settle()
    assert learned(ground, "describe_execution", executionArn=execution) is not guarded(ground)


@pytest.mark.parametrize("after", ["off", "enforce"])
def test_what_an_execution_was_given_while_nobody_followed_labels_does_not_leave_it_clean(
    tmp_path: Path, cloud: Standing, after: str
) -> None:
    files = {**FILES, "valve.yaml": json.dumps({**POLICY, "mode": "off"})}
    with Ground(tmp_path, files, cloud) as ground:
        ground.invoke("Begin", {"machine": "Later", "who": "c1"})
        token = asked(ground)
        policy = replace(ground.valve.policy, mode=Mode(after))
        ground.call(ground.valve.learn(ground.valve.stack, policy))
        ground.client("stepfunctions").send_task_success(taskToken=token, output="{}")
        ground.settle()
        assert bool(sent(ground)) is (after == "off")


def test_no_execution_outlives_its_cloud(ground: Ground) -> None:
    started(ground, "Slow")
    ground.call(ground.valve.renew())
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not any("ended: " in line for line in ground.said):
        ground.client("sqs").list_queues()
    assert any("`one` of" in line and "ended: ABORTED" in line for line in ground.said)
