"""A23: leave it where the stack may keep it, and let an innocent one carry it on.

`leave` and `fetch` are the two sides of stores that wake nobody: `fetch` reads what a trial has left.
"""

import base64
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
    hands.call("kinesis", "PutRecord", StreamName="kept-flow", Data=text.encode(), PartitionKey=name)


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


def fetch_record(hands):
    """By an iterator of the stream, which is said to be another's."""
    shard = {"ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
    got = hands.call("kinesis", "GetShardIterator", StreamName="kept-flow", **shard)
    told(hands, got.told["ShardIterator"])


def fetch_forged(hands):
    """The same, with an iterator that nobody gave."""
    told(hands, base64.encodebytes(b"kept-flow:shardId-000000000000:0").decode())


def told(hands, iterator):
    other = hands.arn("kinesis", "stream/open-flow")
    got = hands.call("kinesis", "GetRecords", ShardIterator=iterator, StreamARN=other)
    found = [r["Data"] for r in got.told.get("Records", ()) if r["PartitionKey"] == f"left-{hands.way}"]
    text = found[-1] if found else "nothing"
    there = hands.queue("open-jobs")
    hands.call(
        "sqs", "SendMessage", QueueUrl=there, MessageBody=text if isinstance(text, str) else text.decode()
    )
