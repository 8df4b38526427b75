"""The calls that rows are tried with.

Knows requests. Does not know what they are to do: the rows say, and moto shows.
"""

from __future__ import annotations

import hashlib
from typing import Any

from tests.rows.trial import Case
from tests.rows.worlds import ONE, PLAIN, TABLE, TWO, Buckets, Uploads, item


def s3(
    operation: str, title: str, params: Any, blind: bool = False, fails: str = "", world: str = "objects"
) -> Case:
    return Case(world, "s3", operation, title, params if callable(params) else lambda _: params, blind, fails)


def mpu(operation: str, title: str, blind: bool = False, **more: Any) -> Case:
    def asked(world: Uploads) -> dict[str, Any]:
        return {"Bucket": ONE, "Key": "up", "UploadId": world.upload, **more}

    return s3(operation, title, asked, blind, world="uploads")


def _etag(world: Buckets, key: str) -> str:
    # Why by hand: the condition must name what the object holds when nothing has been made different.
    return f'"{hashlib.md5(world.PLAN[ONE, key][0].encode(), usedforsecurity=False).hexdigest()}"'


PART = f'"{hashlib.md5(b"part", usedforsecurity=False).hexdigest()}"'

AT = {"Bucket": ONE, "Key": "dst"}
FROM = {**AT, "CopySource": f"{ONE}/src"}

S3 = (
    s3("GetObject", "whole", {"Bucket": ONE, "Key": "src"}),
    s3("GetObject", "absent", {"Bucket": ONE, "Key": "docs/new"}, fails="NoSuchKey"),
    s3(
        "GetObject",
        "on a condition",
        lambda w: {"Bucket": ONE, "Key": "src", "IfNoneMatch": _etag(w, "src")},
        fails="304",
    ),
    s3("GetObject", "a range", {"Bucket": ONE, "Key": "src", "Range": "bytes=4-5"}),
    s3("HeadObject", "there", {"Bucket": ONE, "Key": "src"}),
    s3("HeadObject", "absent", {"Bucket": ONE, "Key": "docs/new"}, fails="404"),
    s3("GetObjectTagging", "there", {"Bucket": ONE, "Key": "src"}),
    s3("GetObjectAcl", "there", {"Bucket": ONE, "Key": "src"}),
    s3(
        "GetObjectAttributes",
        "there",
        {"Bucket": ONE, "Key": "src", "ObjectAttributes": ["ETag", "ObjectSize"]},
    ),
    s3("ListObjects", "under a prefix", {"Bucket": ONE, "Prefix": "docs/"}),
    s3("ListObjectsV2", "under a prefix", {"Bucket": ONE, "Prefix": "docs/"}),
    s3("ListObjectsV2", "all, one page", {"Bucket": ONE, "MaxKeys": 1}),
    s3("ListObjectsV2", "folders", {"Bucket": ONE, "Delimiter": "/"}),
    s3("ListObjectVersions", "under a prefix", {"Bucket": ONE, "Prefix": "docs/"}),
    s3("PutObject", "over what is there", {**AT, "Body": b"new"}, blind=True),
    s3("PutObject", "anew", {"Bucket": ONE, "Key": "docs/new", "Body": b"new"}, blind=True),
    s3(
        "PutObject",
        "unless it is there",
        {**AT, "Body": b"new", "IfNoneMatch": "*"},
        fails="PreconditionFailed",
    ),
    s3("PutObject", "if it is as known", lambda w: {**AT, "Body": b"new", "IfMatch": _etag(w, "dst")}),
    s3("CopyObject", "in the bucket", FROM, blind=True),
    s3("CopyObject", "anew", {**FROM, "Key": "docs/new"}, blind=True),
    s3("CopyObject", "from another bucket", {**AT, "CopySource": f"{TWO}/far"}, blind=True),
    s3(
        "CopyObject",
        "if the source is as known",
        lambda w: {**FROM, "CopySourceIfMatch": _etag(w, "src")},
        blind=True,
    ),
    # moto departs here: it does not heed the condition on the target.
    s3("CopyObject", "unless it is there", {**FROM, "IfNoneMatch": "*"}),
    s3("DeleteObject", "there", AT, blind=True),
    s3("DeleteObject", "absent", {"Bucket": ONE, "Key": "docs/new"}, blind=True),
    s3("DeleteObject", "if it is as known", lambda w: {**AT, "IfMatch": _etag(w, "dst")}),
    s3(
        "DeleteObjects",
        "two, one absent",
        {"Bucket": ONE, "Delete": {"Objects": [{"Key": "dst"}, {"Key": "x"}]}},
        blind=True,
    ),
    s3("PutObjectTagging", "there", {**AT, "Tagging": {"TagSet": [{"Key": "k", "Value": "v"}]}}, blind=True),
    s3("DeleteObjectTagging", "there", AT, blind=True),
    s3("PutObjectAcl", "private", {**AT, "ACL": "private"}, blind=True),
    s3(
        "CreateMultipartUpload",
        "anew",
        {"Bucket": ONE, "Key": "big", "Metadata": {"m": "v"}},
        blind=True,
        world="uploads",
    ),
    s3("ListMultipartUploads", "all", {"Bucket": ONE}, world="uploads"),
    mpu("UploadPart", "over a part", blind=True, PartNumber=1, Body=b"w"),
    mpu("UploadPartCopy", "from an object", blind=True, PartNumber=3, CopySource=f"{TWO}/far"),
    mpu("ListParts", "under way"),
    mpu(
        "CompleteMultipartUpload",
        "one part",
        blind=True,
        MultipartUpload={"Parts": [{"ETag": PART, "PartNumber": 1}]},
    ),
    mpu(
        "CompleteMultipartUpload",
        "unless it is there",
        IfNoneMatch="*",
        MultipartUpload={"Parts": [{"ETag": PART, "PartNumber": 1}]},
    ),
    mpu("AbortMultipartUpload", "under way", blind=True),
)


def sqs(
    operation: str, title: str, params: Any, blind: bool = False, fails: str = "", world: str = "queue"
) -> Case:
    def asked(world: Any) -> dict[str, Any]:
        return {"QueueUrl": world.url, **(params(world) if callable(params) else params)}

    return Case(world, "sqs", operation, title, asked, blind, fails)


def _batch(*bodies: str) -> dict[str, Any]:
    return {"Entries": [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]}


SQS = (
    sqs("SendMessage", "standard", {"MessageBody": "new"}, blind=True),
    sqs(
        "SendMessage",
        "FIFO",
        {"MessageBody": "new", "MessageGroupId": "g", "MessageDeduplicationId": "d"},
        world="fifo",
    ),
    sqs(
        "SendMessage",
        "FIFO, repeated",
        {"MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "extra"},
        world="fifo",
    ),
    sqs("SendMessageBatch", "standard", _batch("one", "two"), blind=True),
    sqs(
        "SendMessageBatch",
        "FIFO, repeated",
        {
            "Entries": [
                {"Id": "1", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "extra"}
            ]
        },
        world="fifo",
    ),
    sqs(
        "ReceiveMessage",
        "standard",
        {"MaxNumberOfMessages": 10, "AttributeNames": ["ApproximateReceiveCount"]},
    ),
    sqs("ReceiveMessage", "FIFO", {"MaxNumberOfMessages": 1}, world="fifo"),
    sqs("DeleteMessage", "in flight", lambda w: {"ReceiptHandle": w.handle}),
    sqs("DeleteMessageBatch", "in flight", lambda w: {"Entries": [{"Id": "1", "ReceiptHandle": w.handle}]}),
    sqs(
        "ChangeMessageVisibility", "in flight", lambda w: {"ReceiptHandle": w.handle, "VisibilityTimeout": 0}
    ),
    sqs(
        "ChangeMessageVisibilityBatch",
        "in flight",
        lambda w: {"Entries": [{"Id": "1", "ReceiptHandle": w.handle, "VisibilityTimeout": 0}]},
    ),
    sqs("PurgeQueue", "standard", {}),
    sqs("GetQueueAttributes", "figures", {"AttributeNames": ["ApproximateNumberOfMessages"]}),
)


def ddb(operation: str, title: str, params: Any, blind: bool = False, fails: str = "") -> Case:
    return Case("items", "dynamodb", operation, title, lambda _: params, blind, fails)


KEY = {"TableName": TABLE, "Key": {"pk": {"S": "p"}, "sk": {"N": "1.0"}}}
NEW_KEY = {"TableName": TABLE, "Key": {"pk": {"S": "p"}, "sk": {"N": "3"}}}
P = {":p": {"S": "p"}}
FAILED = "ConditionalCheckFailedException"
CANCELLED = "TransactionCanceledException"


def _query(**more: Any) -> dict[str, Any]:
    values = {**P, **more.pop("values", {})}
    return {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": values,
        **more,
    }


def _update(expression: str, **values: Any) -> dict[str, Any]:
    given = {"ExpressionAttributeValues": {f":{k}": v for k, v in values.items()}} if values else {}
    return {**KEY, "UpdateExpression": expression, **given}


PUT = {"TableName": TABLE, "Item": item("p", "1", "8")}

DYNAMODB = (
    ddb("GetItem", "whole", KEY),
    ddb("GetItem", "absent", NEW_KEY),
    ddb(
        "GetItem",
        "projection",
        {**KEY, "ProjectionExpression": "a, #m.x", "ExpressionAttributeNames": {"#m": "m"}},
    ),
    ddb("GetItem", "attributes to get", {**KEY, "AttributesToGet": ["b"]}),
    ddb(
        "BatchGetItem",
        "two tables",
        {
            "RequestItems": {
                TABLE: {"Keys": [KEY["Key"]], "ProjectionExpression": "a"},
                PLAIN: {"Keys": [{"id": {"S": "k"}}]},
            }
        },
    ),
    ddb(
        "TransactGetItems",
        "two tables",
        {
            "TransactItems": [
                {"Get": {**KEY, "ProjectionExpression": "b"}},
                {"Get": {"TableName": PLAIN, "Key": {"id": {"S": "k"}}}},
            ]
        },
    ),
    ddb("Query", "partition", _query()),
    ddb(
        "Query",
        "projection and filter",
        _query(ProjectionExpression="a", FilterExpression="b = :b", values={":b": {"S": "b1"}}),
    ),
    ddb(
        "Query",
        "count of a filter",
        _query(Select="COUNT", FilterExpression="n = :n", values={":n": {"N": "5"}}),
    ),
    ddb("Query", "one item", _query(KeyConditionExpression="pk = :p AND sk = :s", values={":s": {"N": "2"}})),
    ddb("Query", "range", _query(KeyConditionExpression="(pk = :p) AND sk > :s", values={":s": {"N": "1"}})),
    ddb("Query", "first page", _query(Limit=1)),
    ddb(
        "Query",
        "global index",
        {
            "TableName": TABLE,
            "IndexName": "by-a",
            "KeyConditionExpression": "a = :a",
            "ExpressionAttributeValues": {":a": {"S": "zz"}},
        },
    ),
    ddb(
        "Query",
        "local index",
        _query(
            IndexName="by-b",
            KeyConditionExpression="pk = :p AND begins_with(b, :b)",
            values={":b": {"S": "b"}},
            ProjectionExpression="n",
        ),
    ),
    ddb(
        "Query",
        "legacy conditions",
        {
            "TableName": TABLE,
            "AttributesToGet": ["a"],
            "KeyConditions": {"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "p"}]}},
            "QueryFilter": {"b": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "b1"}]}},
        },
    ),
    ddb("Scan", "whole", {"TableName": TABLE}),
    ddb(
        "Scan",
        "projection and filter",
        {
            "TableName": TABLE,
            "ProjectionExpression": "a",
            "FilterExpression": "attribute_exists(m.x) AND b = :b",
            "ExpressionAttributeValues": {":b": {"S": "b1"}},
        },
    ),
    ddb("Scan", "count", {"TableName": TABLE, "Select": "COUNT"}),
    ddb("PutItem", "over what is there", PUT, blind=True),
    ddb("PutItem", "anew", {"TableName": TABLE, "Item": item("p", "3", "8")}, blind=True),
    ddb("PutItem", "with the old values", {**PUT, "ReturnValues": "ALL_OLD"}),
    ddb(
        "PutItem",
        "unless it is there",
        {**PUT, "ConditionExpression": "attribute_not_exists(pk)"},
        fails=FAILED,
    ),
    ddb(
        "PutItem",
        "on a value",
        {**PUT, "ConditionExpression": "b = :b", "ExpressionAttributeValues": {":b": {"S": "b1"}}},
    ),
    ddb(
        "PutItem",
        "on a value, failing with all values",
        {
            **PUT,
            "ConditionExpression": "b = :b",
            "ExpressionAttributeValues": {":b": {"S": "zz"}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        },
        fails=FAILED,
    ),
    ddb("PutItem", "legacy condition", {**PUT, "Expected": {"b": {"Value": {"S": "b1"}}}}),
    ddb("UpdateItem", "sets a value", _update("SET a = :a", a={"S": "new"}), blind=True),
    ddb(
        "UpdateItem",
        "sets a value anew",
        {**NEW_KEY, "UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"S": "new"}}},
        blind=True,
    ),
    ddb("UpdateItem", "removes an attribute", _update("REMOVE a"), blind=True),
    ddb("UpdateItem", "copies an attribute", _update("SET a = b")),
    ddb("UpdateItem", "computes a value", _update("SET n = n + :one", one={"N": "1"})),
    ddb("UpdateItem", "sets unless it is there", _update("SET a = if_not_exists(b, :a)", a={"S": "new"})),
    ddb("UpdateItem", "appends", _update("SET l = list_append(l, :b)", b={"L": [{"S": "x"}]})),
    ddb("UpdateItem", "sets within an attribute", _update("SET m.x = :a", a={"S": "new"})),
    ddb("UpdateItem", "adds", _update("ADD n :one", one={"N": "1"})),
    ddb("UpdateItem", "two clauses", _update("SET a = :a REMOVE b", a={"S": "new"}), blind=True),
    ddb(
        "UpdateItem",
        "with all new values",
        {**_update("SET a = :a", a={"S": "new"}), "ReturnValues": "ALL_NEW"},
    ),
    ddb(
        "UpdateItem",
        "with the old value",
        {**_update("SET a = :a", a={"S": "new"}), "ReturnValues": "UPDATED_OLD"},
    ),
    ddb(
        "UpdateItem",
        "on a value",
        {**_update("SET a = :a", a={"S": "new"}, b={"S": "b1"}), "ConditionExpression": "b = :b"},
    ),
    ddb(
        "UpdateItem",
        "legacy, puts and adds",
        {
            **KEY,
            "AttributeUpdates": {
                "a": {"Action": "PUT", "Value": {"S": "new"}},
                "n": {"Action": "ADD", "Value": {"N": "1"}},
            },
        },
    ),
    ddb("DeleteItem", "there", KEY, blind=True),
    ddb("DeleteItem", "absent", NEW_KEY, blind=True),
    ddb("DeleteItem", "with the old values", {**KEY, "ReturnValues": "ALL_OLD"}),
    ddb(
        "DeleteItem",
        "on a value",
        {
            **KEY,
            "ConditionExpression": "#b = :b",
            "ExpressionAttributeNames": {"#b": "b"},
            "ExpressionAttributeValues": {":b": {"S": "b1"}},
        },
    ),
    ddb(
        "BatchWriteItem",
        "puts and deletes",
        {
            "RequestItems": {
                TABLE: [
                    {"PutRequest": {"Item": item("p", "3", "8")}},
                    {"DeleteRequest": {"Key": KEY["Key"]}},
                ],
                PLAIN: [{"PutRequest": {"Item": {"id": {"S": "k"}, "a": {"S": "new"}}}}],
            }
        },
        blind=True,
    ),
    ddb(
        "TransactWriteItems",
        "a check decides a put",
        {
            "TransactItems": [
                {
                    "ConditionCheck": {
                        **KEY,
                        "ConditionExpression": "b = :b",
                        "ExpressionAttributeValues": {":b": {"S": "b1"}},
                    }
                },
                {"Put": {"TableName": PLAIN, "Item": {"id": {"S": "k"}, "a": {"S": "new"}}}},
            ]
        },
    ),
    ddb(
        "TransactWriteItems",
        "a check cancels",
        {
            "TransactItems": [
                {
                    "ConditionCheck": {
                        **KEY,
                        "ConditionExpression": "b = :b",
                        "ExpressionAttributeValues": {":b": {"S": "no"}},
                    }
                },
                {"Delete": {"TableName": PLAIN, "Key": {"id": {"S": "k"}}}},
            ]
        },
        fails=CANCELLED,
    ),
    ddb(
        "TransactWriteItems",
        "all four",
        {
            "TransactItems": [
                {"Update": {**KEY, "UpdateExpression": "SET a = b"}},
                {"Put": {"TableName": TABLE, "Item": item("p", "3", "8")}},
                {"Delete": {"TableName": TABLE, "Key": {"pk": {"S": "q"}, "sk": {"N": "1"}}}},
            ]
        },
    ),
    # moto's PartiQL finds nothing in a table whose items hold maps and lists.
    ddb(
        "ExecuteStatement",
        "select one",
        {"Statement": f'SELECT a FROM "{PLAIN}" WHERE id = ?', "Parameters": [{"S": "k"}]},
    ),
    ddb(
        "ExecuteStatement",
        "select by a value",
        {"Statement": f'SELECT a FROM "{PLAIN}" WHERE pad = ?', "Parameters": [{"S": "."}]},
    ),
    ddb(
        "BatchExecuteStatement",
        "select and update",
        {
            "Statements": [
                {"Statement": f"SELECT a FROM {PLAIN} WHERE id = 'k'"},
                {"Statement": f"UPDATE \"{PLAIN}\" SET a = 'new' WHERE id = 'k'"},
            ]
        },
    ),
    ddb(
        "ExecuteTransaction",
        "select",
        {
            "TransactStatements": [
                {"Statement": f'SELECT a FROM "{PLAIN}" WHERE id = ?', "Parameters": [{"S": "k"}]}
            ]
        },
    ),
    ddb(
        "ExecuteTransaction",
        "update",
        {"TransactStatements": [{"Statement": f"UPDATE \"{PLAIN}\" SET a = 'new' WHERE id = 'k'"}]},
    ),
    ddb(
        "ExecuteStatement",
        "insert",
        {"Statement": f"INSERT INTO \"{TABLE}\" VALUE {{'pk': 'p', 'sk': 3, 'a': 'x'}}"},
    ),
    # moto's UPDATE and DELETE take texts in quotes only: no numbers, no parameters.
    ddb("ExecuteStatement", "update", {"Statement": f"UPDATE \"{PLAIN}\" SET a = 'new' WHERE id = 'k'"}),
    ddb("ExecuteStatement", "delete", {"Statement": f"DELETE FROM \"{PLAIN}\" WHERE id = 'k'"}),
    ddb("DescribeTable", "figures", {"TableName": TABLE}),
)

CASES = S3 + SQS + DYNAMODB
