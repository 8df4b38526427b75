"""Reads a customer, whole or in part, and sends on what it read."""

import json
import os

import boto3

CUSTOMERS = boto3.resource("dynamodb").Table(os.environ["CUSTOMERS"])
SQS = boto3.client("sqs")


def handler(event, context):
    item = CUSTOMERS.get_item(Key={"id": "c1"}, **event.get("only", {}))["Item"]
    SQS.send_message(QueueUrl=os.environ["JOBS"], MessageBody=json.dumps(item, default=int))
    return {"sent": sorted(item)}
