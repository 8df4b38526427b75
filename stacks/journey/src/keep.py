"""Keeps what comes in as an object."""

import os

import boto3

S3 = boto3.client("s3")


def handler(event, context):
    for record in event["Records"]:
        S3.put_object(Bucket=os.environ["FILES"], Key="kept.json", Body=record["body"].encode())
