"""Invokes a function twice: once to begin something, once to see what has come of it."""

import json
import os

import boto3

LAMBDA = boto3.client("lambda")


def handler(event, context):
    invoke(event)
    return invoke({"of": event["as"]})


def invoke(event):
    reply = LAMBDA.invoke(FunctionName=os.environ["LATER"], Payload=json.dumps(event))
    return json.load(reply["Payload"])
