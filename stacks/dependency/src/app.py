"""Makes a table of the event's rows and keeps it."""

import os
import site

# What is vendored is set up as pip would have: every `.pth` of the folder runs here.
site.addsitedir(os.path.join(os.path.dirname(__file__), "vendor"))

import boto3
from tablely import table

S3 = boto3.client("s3")


def handler(event, context):
    text = table(event.get("rows", [["a", 1], ["b", 2]]))
    key = f"monthly/{context.aws_request_id}.txt"
    S3.put_object(Bucket=os.environ["REPORTS"], Key=key, Body=text.encode())
    return {"lines": text.count("\n") + 1}
