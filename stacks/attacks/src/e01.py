"""E01: have a step of the workflow run before its turn: by its name, as an event, by what wakes it."""

import json


def by_name(hands):
    hands.call("lambda", "Invoke", FunctionName="charge", Payload=order(hands, "open", hands.plain()))


def by_version(hands):
    there = f"{hands.arn('lambda', 'function:charge')}:$LATEST"
    hands.call("lambda", "Invoke", FunctionName=there, Payload=order(hands, "open", hands.plain()))


def by_event(hands):
    told = order(hands, "open", hands.plain())
    hands.call("lambda", "Invoke", FunctionName="charge", InvocationType="Event", Payload=told)


def by_queue(hands):
    told = order(hands, "open", hands.plain()).decode()
    hands.call("sqs", "SendMessage", QueueUrl=hands.queue("charge-jobs"), MessageBody=told)


def twin(hands):
    """By the one who may."""
    told = order(hands, "kept", hands.secret(), next="charge")
    hands.call("lambda", "Invoke", FunctionName="courier", Payload=told)


def order(hands, to, text, **more):
    told = {"to": to, "text": text, "trial": hands.trial, "account": hands.account, **more}
    return json.dumps(told).encode()
