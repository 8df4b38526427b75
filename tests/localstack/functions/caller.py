"""Waits for what another function answers, and passes it on."""

import json

import boto3

functions, sqs = boto3.client("lambda"), boto3.client("sqs")
PUBLIC = "https://sqs.us-east-1.amazonaws.com/000000000000/front-public"


def handler(event, context):
    answer = functions.invoke(FunctionName=event["to"], Payload=json.dumps(event))
    sqs.send_message(QueueUrl=PUBLIC, MessageBody=answer["Payload"].read().decode())
    return {"sent": True}
