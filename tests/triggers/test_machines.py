"""State machines of the embedded cloud: their tasks run, and what they pass on is judged by its label.

Knows them from a whole valve with real moto, which interprets them. Does not know the Amazon States Language.
"""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.triggers.ground import Ground
from valve_aws.backend import Standing
from valve_aws.backend.machines import CAUSE, ENDED, EXECUTION

pytestmark = pytest.mark.slow

CODE = """
import boto3, json, os

def email(who):
    asked = {"TableName": os.environ["PEOPLE"], "Key": {"id": {"S": who}}}
    if who == "c2":
        asked["ProjectionExpression"] = "id"
    return boto3.client("dynamodb").get_item(**asked)["Item"].get("email", {}).get("S", "")

def read(event, context):
    return {"n": 2, "email": email(event["id"])}

def double(event, context):
    return {**event, "n": event["n"] * 2}

def answer(event, context):
    told = json.loads(event["Records"][0]["body"])
    output = json.dumps(email(told["id"]))
    boto3.client("stepfunctions").send_task_success(taskToken=told["token"], output=output)

def begin(event, context):
    told = {"stateMachineArn": os.environ["PASS"], "input": json.dumps({"email": email(event["id"])})}
    boto3.client("stepfunctions").start_execution(**told)

def look(event, context):
    told = boto3.client("stepfunctions").describe_execution(executionArn=event["execution"])
    return told.get("output")
"""
SEND = {
    "Type": "Task",
    "Resource": "arn:aws:states:::sqs:sendMessage",
    "Parameters": {"QueueUrl": "${Out}", "MessageBody.$": "States.JsonToString($)"},
}
FLOW = {
    "StartAt": "Read",
    "States": {
        "Read": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "${Read}", "Payload.$": "$"},
            "OutputPath": "$.Payload",
            "Next": "Both",
        },
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": name, "States": {name: {"Type": "Task", "Resource": "${Double}", "End": True}}}
                for name in ("One", "Two")
            ],
            "Next": "Send",
        },
        "Send": {**SEND, "End": True},
    },
}
TOKEN = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {
                "QueueUrl": "${Asked}",
                "MessageBody": {"token.$": "$$.Task.Token", "id.$": "$.id"},
            },
            "Next": "Send",
        },
        "Send": {
            **SEND,
            "ResultPath": None,
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Done"}],
            "Next": "Done",
        },
        "Done": {"Type": "Succeed"},
    },
}
BARE = {
    "StartAt": "Ask",
    "States": {"Ask": {**{k: v for k, v in TOKEN["States"]["Ask"].items() if k != "Next"}, "End": True}},
}
PASS = {"StartAt": "Send", "States": {"Send": {**SEND, "End": True}}}
NEST = {
    "StartAt": "Read",
    "States": {
        "Read": {"Type": "Task", "Resource": "${Read}", "Next": "Nest"},
        "Nest": {
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Parameters": {"StateMachineArn": "${Pass}", "Input.$": "$"},
            "End": True,
        },
    },
}
ASK = {
    "StartAt": "Groups",
    "States": {
        "Groups": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:cloudwatchlogs:describeLogGroups",
            "Parameters": {"Limit": 1},
            "ResultSelector": {"groups.$": "$.LogGroups"},
            "Next": "Missing",
        },
        "Missing": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sfn:describeExecution",
            "Parameters": {"ExecutionArn": "arn:aws:states:us-east-1:123456789012:execution:${Name}:none"},
            "Catch": [{"ErrorEquals": ["Sfn.ExecutionDoesNotExistException"], "Next": "When"}],
            "Next": "Never",
        },
        "Never": {"Type": "Fail"},
        "When": {
            "Type": "Pass",
            "Parameters": {"at.$": "States.JsonToString($$.Execution.StartTime)", "all": [1, 2]},
            "Next": "Each",
        },
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.all",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
                "StartAt": "One",
                "States": {"One": {"Type": "Pass", "End": True}},
            },
            "Next": "Begun",
        },
        "Begun": {
            "Type": "Pass",
            "Parameters": {"at.$": "$$.Execution.StartTime"},
            "OutputPath": "$.at",
            "End": True,
        },
    },
}
GATE = {
    "StartAt": "Out",
    "States": {
        "Out": {
            "Type": "Task",
            "Resource": "arn:aws:states:::apigateway:invoke",
            "Parameters": {"ApiEndpoint.$": "$.url", "Method": "GET", "Path": "/"},
            "End": True,
        }
    },
}
QUERY = {
    "QueryLanguage": "JSONata",
    "StartAt": "Ask",
    "States": {"Ask": {"Type": "Pass", "Output": "{% $states.input.id %}", "End": True}},
}
CLOSED = {
    "StartAt": "Read",
    "States": {"Read": {"Type": "Task", "Resource": "${Read}", "End": True}},
}
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    CodeUri: src
    Runtime: python3.11
    Timeout: 60
    Environment: {Variables: {PEOPLE: !Ref People}}
Resources:
  People:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Out: {Type: AWS::SQS::Queue}
  Asked: {Type: AWS::SQS::Queue}
  Read:
    Type: AWS::Serverless::Function
    Properties: {Handler: app.read, Policies: [{DynamoDBReadPolicy: {TableName: !Ref People}}]}
  Double: {Type: AWS::Serverless::Function, Properties: {Handler: app.double}}
  Answer:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.answer
      Policies:
        - DynamoDBReadPolicy: {TableName: !Ref People}
        - Statement: [{Effect: Allow, Action: "states:SendTaskSuccess", Resource: "*"}]
      Events: {In: {Type: SQS, Properties: {Queue: !GetAtt Asked.Arn}}}
  Look:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.look
      Policies: [{Statement: [{Effect: Allow, Action: "states:DescribeExecution", Resource: "*"}]}]
  Flow:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: flow.asl.json
      DefinitionSubstitutions: {Read: !GetAtt Read.Arn, Double: !GetAtt Double.Arn, Out: !Ref Out}
      Events:
        Order: {Type: EventBridgeRule, Properties: {Pattern: {source: [shop]}, InputPath: $.detail}}
        Nightly: {Type: Schedule, Properties: {Schedule: rate(1 hour), Input: '{"id": "c2"}'}}
  Token:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: token.asl.json
      DefinitionSubstitutions: {Asked: !Ref Asked, Out: !Ref Out}
  Bare:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: bare.asl.json
      DefinitionSubstitutions: {Asked: !Ref Asked}
  Begin:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.begin
      Policies:
        - DynamoDBReadPolicy: {TableName: !Ref People}
        - StepFunctionsExecutionPolicy: {StateMachineName: !GetAtt Pass.Name}
      Environment: {Variables: {PASS: !Ref Pass}}
  Pass:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition: %s
      DefinitionSubstitutions: {Out: !Ref Out}
  Nest:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: nest.asl.json
      DefinitionSubstitutions: {Read: !GetAtt Read.Arn, Pass: !Ref Pass}
  Ask:
    Type: AWS::Serverless::StateMachine
    Properties: {DefinitionUri: ask.asl.json, DefinitionSubstitutions: {Name: !GetAtt Pass.Name}}
  Gate: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: gate.asl.json}}
  Query: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: query.asl.json}}
  Closed:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/machine
      DefinitionSubstitutions: {Read: !GetAtt Read.Arn}
      DefinitionString: '%s'
"""
POLICY = """
version: 1
labels: {pii: {}}
stores:
  People: {attributes: {email: [pii/email]}}
  Flow: {accepts: [pii]}
  Token: {accepts: [pii]}
  Pass: {accepts: [pii]}
  Nest: {accepts: [pii]}
  Closed: {accepts: []}
  "arn:aws:states:us-east-1:123456789012:*": {accepts: [pii]}
"""
FILES = {
    "template.yaml": TEMPLATE % (json.dumps(PASS), json.dumps(CLOSED)),
    "valve.yaml": POLICY,
    "seed.yaml": "People: [{id: c1, email: alice@example.org}, {id: c2}]\n",
    "flow.asl.json": json.dumps(FLOW),
    "token.asl.json": json.dumps(TOKEN),
    "bare.asl.json": json.dumps(BARE),
    "nest.asl.json": json.dumps(NEST),
    "ask.asl.json": json.dumps(ASK),
    "gate.asl.json": json.dumps(GATE),
    "query.asl.json": json.dumps(QUERY),
    "src/app.py": CODE,
}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Standing]:
    cloud = Standing()
    yield cloud
    cloud.end()


@pytest.fixture
def enforced(tmp_path: Path, cloud: Standing) -> Iterator[Ground]:
    with Ground(tmp_path, FILES, cloud, mode="enforce") as ground:
        yield ground


def start(ground: Ground, machine: str, event: Any, **more: str) -> str:
    """Have the operator start an execution, and return its ARN once it is over."""
    arn = ground.valve.stack.resources[machine].arn
    asked = {"stateMachineArn": arn, "input": json.dumps(event), **more}
    execution: str = ground.client("stepfunctions").start_execution(**asked)["executionArn"]
    ground.settle()
    return execution


def sent(ground: Ground) -> list[Any]:
    return [json.loads(each["Body"]) for each in ground.taken("Out")]


def ended(ground: Ground, execution: str) -> Any:
    return ground.client("stepfunctions").describe_execution(executionArn=execution)


@pytest.mark.parametrize("mode", ["off", "audit", "enforce"])
def test_what_a_task_was_answered_goes_no_further_than_its_label_may(
    tmp_path: Path, cloud: Standing, mode: str
) -> None:
    with Ground(tmp_path, FILES, cloud, mode=mode) as ground:
        execution = start(ground, "Flow", {"id": "c1"}, name="first")
        leaked = [{"n": 4, "email": "alice@example.org"}] * 2
        if mode == "enforce":
            assert sent(ground) == []
            assert ended(ground, execution)["status"] == "FAILED"
            (refused,) = ground.valve.refusals
            assert (refused.function, refused.operation) == ("Flow", "SendMessage")
            assert refused.label == {"pii/email"}
            (line,) = (line for line in ground.said if "`first` of" in line)
            assert "FAILED" in line
            assert "did not let" not in line, "what it failed of may tell of what it carries"
        else:
            assert sent(ground) == [leaked]
            assert ended(ground, execution)["status"] == "SUCCEEDED"
        start(ground, "Flow", {"id": "c2"})
        assert sent(ground) == [[{"n": 4, "email": ""}] * 2], "the honest twin"


def test_an_execution_carries_what_its_input_carried(enforced: Ground) -> None:
    for who, came in (("c2", [{"email": ""}]), ("c1", [])):
        enforced.invoke("Begin", {"id": who})
        enforced.settle()
        assert sent(enforced) == came
    refused = [(r.function, r.operation, r.label) for r in enforced.valve.refusals]
    assert ("Pass", "SendMessage", {"pii/email"}) in refused


def test_an_execution_tells_whoever_looks_at_it_what_it_has_learned(enforced: Ground) -> None:
    honest, tainted = (start(enforced, "Token", {"id": who}) for who in ("c2", "c1"))
    assert sent(enforced) == [""], "what came with a token goes no further than its label may"
    assert "alice@example.org" in ended(enforced, tainted)["output"]
    assert enforced.invoke("Look", {"execution": tainted})["errorType"] == "Valve.ResultRefused"
    refused = [(r.function, r.label) for r in enforced.valve.refusals]
    assert refused == [("Token", {"pii/email"}), ("Look", {"pii/email"})]
    assert "alice" not in ended(enforced, honest)["output"]


def test_what_came_with_a_token_is_told_of_an_execution_that_asked_for_nothing_since(
    enforced: Ground,
) -> None:
    execution = start(enforced, "Bare", {"id": "c1"})
    assert "alice@example.org" in ended(enforced, execution)["output"]
    assert enforced.invoke("Look", {"execution": execution})["errorType"] == "Valve.ResultRefused"


def test_what_its_machine_may_not_hold_does_not_come_back_to_an_execution(enforced: Ground) -> None:
    kept = start(enforced, "Closed", {"id": "c1"})
    assert ended(enforced, kept)["status"] == "FAILED"
    assert "alice" not in json.dumps(ended(enforced, kept), default=str)
    (refused,) = enforced.valve.refusals
    assert (refused.function, refused.label) == ("Closed", {"pii/email"})
    assert ended(enforced, start(enforced, "Closed", {"id": "c2"}))["status"] == "SUCCEEDED"


def test_rules_and_schedules_start_executions(enforced: Ground) -> None:
    entry = {"Source": "shop", "DetailType": "order", "Detail": json.dumps({"id": "c2"})}
    enforced.client("events").put_events(Entries=[entry])
    enforced.settle()
    assert sent(enforced) == [[{"n": 4, "email": ""}] * 2]
    enforced.advance(3600)
    assert sent(enforced) == [[{"n": 4, "email": ""}] * 2]
    arn = enforced.valve.stack.resources["Flow"].arn
    found = enforced.client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
    assert len({each["name"] for each in found}) == 2


def test_an_execution_that_another_waits_for_carries_what_that_one_hands_it(enforced: Ground) -> None:
    honest = start(enforced, "Nest", {"id": "c2"})
    assert sent(enforced) == [{"n": 2, "email": ""}]
    told = json.loads(ended(enforced, honest)["output"])
    assert (told["Status"], set(told["Output"])) == ("SUCCEEDED", {"MD5OfMessageBody", "MessageId"})
    start(enforced, "Nest", {"id": "c1"})
    assert sent(enforced) == []
    assert ("Pass", {"pii/email"}) in [(r.function, r.label) for r in enforced.valve.refusals]


def test_tasks_speak_to_services_in_the_words_of_step_functions(enforced: Ground) -> None:
    told = ended(enforced, start(enforced, "Ask", {}))
    assert told["status"] == "SUCCEEDED", told
    with pytest.raises(ClientError, match="InvalidToken"):
        enforced.client("stepfunctions").send_task_success(taskToken="none", output="{}")
    begun = datetime.fromisoformat(json.loads(told["output"]))
    assert abs((begun - told["startDate"]).total_seconds()) < 1


def test_what_is_not_covered_is_said(enforced: Ground) -> None:
    told = ended(enforced, start(enforced, "Query", {"id": "c2"}))
    assert told["status"] == "FAILED"
    assert "JSONata is not covered here" in told["cause"]


def test_no_task_sends_anything_past_the_valve(enforced: Ground) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        there.settimeout(0)
        execution = start(enforced, "Gate", {"url": f"http://127.0.0.1:{there.getsockname()[1]}"})
        told = ended(enforced, execution)
        with pytest.raises(BlockingIOError):
            there.accept()
    assert told["status"] == "FAILED"
    assert "`apigateway:invoke` is not covered" in told["cause"]
    assert any("`apigateway:invoke` is not covered" in line for line in enforced.said)


def test_whoever_names_no_execution_is_not_answered_and_one_that_is_not_known_carries_all_it_may(
    enforced: Ground,
) -> None:
    start(enforced, "Flow", {"id": "c1"}, name="known")
    address = enforced.call(enforced.valve.triggering.machines.address())
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(address)
    before = len(enforced.valve.refusals)
    client = boto3.client("sqs", endpoint_url=address, region_name="us-east-1", **KEYS)
    execution = _beside(enforced)
    client.meta.events.register(
        "before-call", lambda params, **_: params["headers"].update({EXECUTION: execution})
    )
    with pytest.raises(client.exceptions.ClientError, match="did not let this call pass"):
        client.send_message(QueueUrl=enforced.url("Out"), MessageBody="alice@example.org")
    assert len(enforced.valve.refusals) == before + 1


def test_an_execution_that_has_ended_before_its_start_is_answered_is_not_waited_for(
    enforced: Ground,
) -> None:
    machine = enforced.valve.stack.resources["Token"].arn
    execution = f"{machine.replace(':stateMachine:', ':execution:')}:quick"
    address = enforced.call(enforced.valve.triggering.machines.address())
    told = {EXECUTION: quote(execution), ENDED: "FAILED Quick", CAUSE: "told"}
    urllib.request.urlopen(urllib.request.Request(address, headers=told)).close()
    client = enforced.client("stepfunctions")
    client.start_execution(stateMachineArn=machine, input='{"id": "c2"}', name="quick")
    assert execution not in enforced.valve.triggering.machines.running
    assert any("ended: FAILED Quick: told" in line for line in enforced.said)


KEYS = {"aws_access_key_id": "anybody", "aws_secret_access_key": "anybody"}


def _beside(ground: Ground) -> str:
    machine = ground.valve.stack.resources["Flow"].arn
    return f"{machine.replace(':stateMachine:', ':execution:')}:unknown-{time.time_ns()}"
