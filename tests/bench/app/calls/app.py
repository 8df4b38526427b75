"""A function that times its own calls; its connections are kept alive."""

import os
import time

import boto3

s3 = boto3.client("s3")
dynamodb = boto3.client("dynamodb")
sqs = boto3.client("sqs")
BUCKET, TABLE, QUEUE = os.environ["BUCKET"], os.environ["TABLE"], os.environ["QUEUE"]
BODY = b"x" * 1024
ITEM = {"id": {"S": "1"}, "email": {"S": "a@example.org"}, "total": {"N": "12"}}

CALLS = {
    "S3 PutObject 1 KB": lambda: s3.put_object(Bucket=BUCKET, Key="k", Body=BODY),
    "S3 GetObject 1 KB": lambda: s3.get_object(Bucket=BUCKET, Key="k")["Body"].read(),
    "DynamoDB PutItem": lambda: dynamodb.put_item(TableName=TABLE, Item=ITEM),
    "DynamoDB GetItem": lambda: dynamodb.get_item(TableName=TABLE, Key={"id": {"S": "1"}}),
    "SQS SendMessage": lambda: sqs.send_message(QueueUrl=QUEUE, MessageBody="hello"),
}


def handler(event, context):
    """Make `times` calls of one kind; answer how many seconds each took."""
    call, taken = CALLS[event["call"]], []
    for _ in range(event["times"]):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return taken
