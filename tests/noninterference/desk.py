"""The function that two tenants share, as it lies in its code folder: it does whatever an event asks for, and
tells all that it can see of others.

Knows AWS and its own machine. Does not know which requests are honest.
"""

import json
import os
import pathlib

import boto3

S3, DB = boto3.client("s3"), boto3.client("dynamodb")
FILES, NOTES = os.environ["FILES"], os.environ["NOTES"]
KEPT = []
"""What earlier events left in memory."""


def handler(event, context):
    """Do one thing; tell what came of it, and what lies about."""
    me = event["requestContext"]["authorizer"]["claims"]["sub"]
    told = {
        "kept": list(KEPT),
        "tmp": sorted(p.name for p in pathlib.Path("/tmp").iterdir()),
        "paths": os.environ.get("LEFT"),
    }
    KEPT.append([me, event["number"]])
    try:
        told["did"] = DOES[event["kind"]](me, event["other"], event["word"])
    except Exception as error:
        told["failed"] = getattr(error, "response", {}).get("Error", {}).get("Code") or type(error).__name__
    return json.loads(json.dumps(told, default=str))


def _body(key):
    return S3.get_object(Bucket=FILES, Key=key)["Body"].read().decode()


def _item(me, **more):
    return {"TableName": NOTES, "Key": {"pk": {"S": me}, "sk": {"S": "n"}}, **more}


def _query(me):
    found = DB.query(
        TableName=NOTES, KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": {"S": me}}
    )
    return found["Count"], found["Items"]


def _listed(**more):
    return [(o["Key"], o["ETag"]) for o in S3.list_objects_v2(Bucket=FILES, **more).get("Contents", ())]


def _check_and_put(me, other, word):
    there = _item(other, ConditionExpression="attribute_exists(pk)")
    mine = {"TableName": NOTES, "Item": {"pk": {"S": me}, "sk": {"S": "t"}, "text": {"S": word}}}
    DB.transact_write_items(TransactItems=[{"ConditionCheck": there}, {"Put": mine}])


def _leave(me, other, word):
    pathlib.Path("/tmp", f"of-{me}").write_text(word)
    os.environ["LEFT"] = word
    KEPT.append(word)
    boto3.client = None


HONEST = {
    "read": lambda me, _, __: _body(f"{me}/x"),
    "write": lambda me, _, word: S3.put_object(Bucket=FILES, Key=f"{me}/w", Body=word.encode())["ETag"],
    "list": lambda me, _, __: _listed(Prefix=f"{me}/"),
    "query": lambda me, _, __: _query(me),
    "note": lambda me, _, word: DB.put_item(
        TableName=NOTES, Item={"pk": {"S": me}, "sk": {"S": "w"}, "text": {"S": word}}
    )["ResponseMetadata"]["HTTPStatusCode"],
    "copy": lambda me, _, __: S3.copy_object(
        Bucket=FILES, Key=f"{me}/copy", CopySource={"Bucket": FILES, "Key": f"{me}/x"}
    )["CopyObjectResult"]["ETag"],
    "leave": _leave,
}
HOSTILE = {
    "read theirs": lambda _, other, __: _body(f"{other}/x"),
    "is it there": lambda _, other, __: S3.head_object(Bucket=FILES, Key=f"{other}/w")["ContentLength"],
    "list theirs": lambda _, other, __: _listed(Prefix=f"{other}/"),
    "list all": lambda *_: _listed(),
    "query theirs": lambda _, other, __: _query(other),
    "scan": lambda *_: DB.scan(TableName=NOTES)["Items"],
    "copy theirs": lambda me, other, _: S3.copy_object(
        Bucket=FILES, Key=f"{me}/stolen", CopySource={"Bucket": FILES, "Key": f"{other}/x"}
    )["CopyObjectResult"],
    "write there": lambda _, other, word: S3.put_object(Bucket=FILES, Key=f"{other}/x", Body=word.encode())[
        "ETag"
    ],
    "delete theirs": lambda _, other, __: S3.delete_object(Bucket=FILES, Key=f"{other}/x"),
    "only if theirs": _check_and_put,
    "both at once": lambda me, other, _: DB.batch_get_item(
        RequestItems={NOTES: {"Keys": [_item(me)["Key"], _item(other)["Key"]]}}
    )["Responses"],
    "name of theirs": lambda me, other, word: S3.put_object(
        Bucket=FILES, Key=f"{other}/../{me}/{word}", Body=b""
    )["ETag"],
}
DOES = {**HONEST, **HOSTILE}
