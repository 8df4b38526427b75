"""D08: feed a function from elsewhere, or take its own source away."""

import json

MAPPING = "12345678-1234-1234-1234-123456789012"


def attack(hands):
    text = hands.plain()
    theirs = hands.arn("kinesis", "stream/attackers-flow")
    hands.call(
        "lambda", "CreateEventSourceMapping", FunctionName="courier", EventSourceArn=theirs, **only(text)
    )
    hands.call(
        "lambda", "CreateEventSourceMapping", FunctionName="spare", EventSourceArn=theirs, **only(text)
    )
    hands.call("lambda", "UpdateEventSourceMapping", UUID=MAPPING, FunctionName="courier", **only(text))
    hands.call("lambda", "DeleteEventSourceMapping", UUID=text + "0" * 16)


def twin(hands):
    own = hands.arn("sqs", "kept-jobs")
    there = {"FunctionName": "spare", "EventSourceArn": own}
    hands.call("lambda", "CreateEventSourceMapping", **there, **only(hands.plain()))
    hands.call("lambda", "ListEventSourceMappings")


def only(text):
    """What the function is woken by."""
    return {"FilterCriteria": {"Filters": [{"Pattern": json.dumps({"body": [text]})}]}}
