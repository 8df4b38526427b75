"""Gives what was kept to a partner."""

import os
import urllib.request

import boto3

S3 = boto3.client("s3")


def handler(event, context):
    kept = S3.get_object(Bucket=os.environ["FILES"], Key="kept.json")["Body"].read()
    request = urllib.request.Request("https://partner.test/collect", data=kept, method="POST")
    return {"partner": urllib.request.urlopen(request, timeout=10).status}
