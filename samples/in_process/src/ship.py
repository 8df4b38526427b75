"""Hands a customer's next parcel to the carrier, who is to know the street and nothing else."""

import json
import os

import boto3

customers = boto3.resource("dynamodb").Table("customers")
queues = boto3.client("sqs")
WANTED = os.environ.get("WANTED", "id,street")
"""What is read of a customer. Ask for `id,street,email` and the test beside fails."""


def handler(event, context):
    found = customers.get_item(Key={"id": event["customer"]}, ProjectionExpression=WANTED)["Item"]
    queues.send_message(QueueUrl=os.environ["PARCELS"], MessageBody=json.dumps({"street": found["street"]}))
    return {"ok": True}
