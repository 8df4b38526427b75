"""Remembers what it has read from one event to the next, and passes all of it on."""

import json

import boto3

s3, sqs = boto3.client("s3"), boto3.client("sqs")
PUBLIC = "https://sqs.us-east-1.amazonaws.com/000000000000/front-public"
kept = []


def handler(event, context):
    if event.get("read"):
        kept.append(s3.get_object(Bucket="front-people", Key="alice")["Body"].read().decode())
    told = json.dumps({"case": event["case"], "kept": kept})
    sqs.send_message(QueueUrl=PUBLIC, MessageBody=told)
    return json.loads(told)
