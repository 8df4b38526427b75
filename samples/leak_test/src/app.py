"""Sends a letter of welcome on its way: the job needs the customer's id, and gets no more."""

import json
import os

import boto3

TABLE = boto3.resource("dynamodb").Table(os.environ["CUSTOMERS"])
SQS = boto3.client("sqs")


def handler(event, context):
    wanted = os.environ.get("WANTED", "id, country")
    customer = TABLE.get_item(Key={"id": event["id"]}, ProjectionExpression=wanted)["Item"]
    SQS.send_message(QueueUrl=os.environ["JOBS"], MessageBody=json.dumps(customer))
    return {"queued": customer["id"]}
