"""A function whose every step hangs on all that it has seen, as it lies in its code folder.

Knows AWS. Does not know a secret: what it does with one it draws from what it reads.
"""

import hashlib
import json
import os
import random
import re
import sys

import boto3

S3, SQS, DB, LAMBDA = (boto3.client(name) for name in ("s3", "sqs", "dynamodb", "lambda"))
NAMED = {
    name: os.environ[name]
    for name in (
        "VAULT",
        "HIDDENFILES",
        "OPENFILES",
        "HIDDENNOTES",
        "OPENNOTES",
        "HIDDENJOBS",
        "OPENJOBS",
        "PEERS",
    )
}
IDS = re.compile(r"r-[0-9a-f]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
KEPT = ["new"]
"""What this environment knows from event to event."""


def handler(event, context):
    """Walk some steps; the result is all that was seen."""
    seen = [["kept", KEPT[0]], ["event", _plain(event)]]
    depth = event.get("depth", 0)
    for _ in range(5):
        dice = random.Random(_digest(seen))
        if dice.random() < 0.12:
            break
        step = dice.choice(list(STEPS))
        try:
            shown = STEPS[step](dice, _digest(seen), depth)
        except Exception as error:
            shown = getattr(error, "response", {}).get("Error", {}).get("Code") or type(error).__name__
        seen.append([step, shown])
    KEPT[0] = _digest(seen)
    sys.stdout.write(f"walked {KEPT[0]}\n")
    if random.Random(KEPT[0]).random() < 0.15:
        raise RuntimeError(KEPT[0])
    return {"seen": seen}


def _plain(event):
    """The event without ids that are thought up anew each time."""
    return [r["body"] for r in event["Records"]] if "Records" in event else event


def _digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _bucket(dice):
    return NAMED[dice.choice(["HIDDENFILES", *["OPENFILES"] * 5])]


def _table(dice):
    return NAMED[dice.choice(["HIDDENNOTES", *["OPENNOTES"] * 5])]


def _queue(dice):
    return NAMED[dice.choice(["HIDDENJOBS", *["OPENJOBS"] * 5])]


def _key(dice):
    return dice.choice("abc")


def _put_unless(dice, word, _):
    S3.put_object(Bucket=_bucket(dice), Key=_key(dice), Body=word.encode(), IfNoneMatch="*")


def _receive(dice, _, __):
    got = SQS.receive_message(
        QueueUrl=_queue(dice), MaxNumberOfMessages=1, VisibilityTimeout=dice.choice([0, 600])
    )
    return [m["Body"] for m in got.get("Messages", ())]


def _figures(dice, _, __):
    told = SQS.get_queue_attributes(QueueUrl=_queue(dice), AttributeNames=["ApproximateNumberOfMessages"])
    return told["Attributes"]


def _copy(dice, _, __):
    source = {"Bucket": _bucket(dice), "Key": _key(dice)}
    return S3.copy_object(Bucket=_bucket(dice), Key=_key(dice), CopySource=source)["CopyObjectResult"]["ETag"]


def _update(dice, word, _):
    asks = dice.choice([{}, {"ConditionExpression": "attribute_exists(id)"}])
    DB.update_item(
        TableName=_table(dice),
        Key={"id": {"S": _key(dice)}},
        UpdateExpression="SET #t = :w",
        ExpressionAttributeNames={"#t": "text"},
        ExpressionAttributeValues={":w": {"S": word}},
        **asks,
    )


def _invoke(dice, word, depth):
    if depth >= 2:
        return "deep enough"
    told = LAMBDA.invoke(
        FunctionName=dice.choice(NAMED["PEERS"].split()),
        Payload=json.dumps({"word": word, "depth": depth + 1}),
    )
    return told.get("FunctionError"), IDS.sub("ID", told["Payload"].read().decode())


STEPS = {
    "secret": lambda *_: DB.get_item(TableName=NAMED["VAULT"], Key={"id": {"S": "s"}})["Item"],
    "get": lambda d, *_: S3.get_object(Bucket=_bucket(d), Key=_key(d))["Body"].read().decode(),
    "list": lambda d, *_: [
        (o["Key"], o["ETag"]) for o in S3.list_objects_v2(Bucket=_bucket(d)).get("Contents", ())
    ],
    "put": lambda d, word, _: S3.put_object(Bucket=_bucket(d), Key=_key(d), Body=word.encode())["ETag"],
    "put unless": _put_unless,
    "delete": lambda d, *_: S3.delete_object(Bucket=_bucket(d), Key=_key(d))["ResponseMetadata"][
        "HTTPStatusCode"
    ],
    "copy": _copy,
    "item": lambda d, *_: DB.get_item(TableName=_table(d), Key={"id": {"S": _key(d)}}).get("Item"),
    "scan": lambda d, *_: sorted(map(str, DB.scan(TableName=_table(d))["Items"])),
    "update": _update,
    "send": lambda d, word, _: SQS.send_message(QueueUrl=_queue(d), MessageBody=word)["MD5OfMessageBody"],
    "receive": _receive,
    "figures": _figures,
    "invoke": _invoke,
}
