"""Takes an order in: keeps it, keeps what was uploaded with it, and asks for an invoice."""

import json
import os

import boto3

ORDERS = boto3.resource("dynamodb").Table(os.environ["ORDERS"])
S3 = boto3.client("s3")
SQS = boto3.client("sqs")


def handler(event, context):
    order = json.loads(event["body"])
    ORDERS.put_item(Item=order)
    S3.put_object(Bucket=os.environ["UPLOADS"], Key=f"orders/{order['id']}.json", Body=event["body"].encode())
    SQS.send_message(
        QueueUrl=os.environ["JOBS"],
        MessageBody=json.dumps({"order": order["id"], "customer": order["customer"]}),
    )
    print("accepted", order["id"])
    return {"statusCode": 202, "body": json.dumps({"order": order["id"], "status": "accepted"})}
