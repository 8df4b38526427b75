"""A function that uses S3 and DynamoDB as most do: clients made once, a write and a read of each."""

import os

import boto3

s3 = boto3.client("s3")
dynamodb = boto3.client("dynamodb")


def handler(event, context):
    """Write and read one object and one item."""
    bucket, table = os.environ["BUCKET"], os.environ["TABLE"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 1024)
    s3.get_object(Bucket=bucket, Key="k")["Body"].read()
    dynamodb.put_item(TableName=table, Item={"id": {"S": "1"}, "email": {"S": "a@example.org"}})
    return dynamodb.get_item(TableName=table, Key={"id": {"S": "1"}})["Item"]
