"""A23: leave it where the stack may keep it, and let an innocent one carry it on.

`leave` and `fetch` are the two sides of stores that wake nobody: `fetch` reads what a trial has left.
"""

import json


def attack(hands):
    order(hands, "open")


def twin(hands):
    order(hands, "kept")


def order(hands, to):
    """A message by which the courier wakes."""
    told = {"to": to, "text": hands.secret(), "trial": hands.trial, "account": hands.account}
    hands.call("sqs", "SendMessage", QueueUrl=hands.queue("courier-jobs"), MessageBody=json.dumps(told))


def leave(hands):
    text, name = hands.secret(), f"left-{hands.way}"
    item = {"id": {"S": name}, "text": {"S": text}}
    hands.call("dynamodb", "PutItem", TableName="kept-notes", Item=item)
    hands.call("s3", "PutObject", Bucket="kept-copies", Key=name, Body=text.encode())


def fetch_note(hands):
    told = {"Key": {"id": {"S": f"left-{hands.way}"}}}
    got = hands.call("dynamodb", "GetItem", TableName="kept-notes", **told)
    hands.call(
        "sqs", "SendMessage", QueueUrl=hands.queue("open-jobs"), MessageBody=got.told["Item"]["text"]["S"]
    )


def fetch_copy(hands):
    """The service carries it; nothing of it is read."""
    name = f"left-{hands.way}"
    hands.call("s3", "CopyObject", Bucket="open-files", Key=hands.trial, CopySource=f"kept-copies/{name}")
