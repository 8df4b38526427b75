"""Writes invoices: the customer's data meet the order's here; somebody else's function renders them."""

import json
import os

import boto3

DYNAMODB = boto3.resource("dynamodb")
CUSTOMERS = DYNAMODB.Table(os.environ["CUSTOMERS"])
ORDERS = DYNAMODB.Table(os.environ["ORDERS"])
S3 = boto3.client("s3")
SQS = boto3.client("sqs")
LAMBDA = boto3.client("lambda")


def handler(event, context):
    for record in event["Records"]:
        job = json.loads(record["body"])
        order = ORDERS.get_item(Key={"id": job["order"]})["Item"]
        customer = CUSTOMERS.get_item(Key={"id": job["customer"]})["Item"]
        asked = {"order": order["id"], "total": str(order["total"]), "customer": customer}
        answer = LAMBDA.invoke(FunctionName=os.environ["RENDERER"], Payload=json.dumps(asked))
        text = json.load(answer["Payload"])["text"]
        key = f"{order['id']}.txt"
        S3.put_object(Bucket=os.environ["INVOICES"], Key=key, Body=text.encode())
        SQS.send_message(
            QueueUrl=os.environ["MAIL"], MessageBody=json.dumps({"invoice": key, "to": customer["email"]})
        )
