"""The errand that every function of this stack runs, as plain HTTP, and AWS's signature made by hand.

Read a customer, then hand on the address as an object, as a message and as an item. The event says where to
(`to` is `keep` or `drop`) and under which name (`as`).
"""

import hashlib
import hmac
import json
import os
import time
import urllib.parse
from typing import NamedTuple

REGION = os.environ["AWS_REGION"]
ACCOUNT = "123456789012"
JSON = "application/x-amz-json-1.0"


class Letter(NamedTuple):
    """One request."""

    service: str
    method: str
    host: str
    path: str
    headers: dict
    body: bytes


def rpc(service, target, what):
    """A request of AWS's JSON protocol."""
    headers = {"content-type": JSON, "x-amz-target": target}
    host = f"{service}.{REGION}.amazonaws.com"
    return Letter(service, "POST", host, "/", headers, json.dumps(what).encode())


def reading():
    """The request for the customer."""
    key = {"TableName": os.environ["CUSTOMERS"], "Key": {"id": {"S": "c1"}}}
    return rpc("dynamodb", "DynamoDB_20120810.GetItem", key)


def address(reply):
    """What the reply to it holds."""
    return json.loads(reply)["Item"]["email"]["S"]


def sending(event, email):
    """The requests that hand it on, in today's forms."""
    to, name = event["to"], event["as"]
    bucket = f"{to}-files.s3.{REGION}.amazonaws.com"
    message = {"QueueUrl": queue(to), "MessageBody": f"{name} {email}"}
    item = {"TableName": f"{to}-notes", "Item": {"id": {"S": name}, "email": {"S": email}}}
    return {
        "s3": Letter("s3", "PUT", bucket, f"/{name}", {}, email.encode()),
        "sqs": rpc("sqs", "AmazonSQS.SendMessage", message),
        "dynamodb": rpc("dynamodb", "DynamoDB_20120810.PutItem", item),
    }


def sending_as_of_old(event, email):
    """The same in the forms of 2006: a bucket in the path, a queue's request as a form."""
    to, name = event["to"], event["as"]
    letters = sending(event, email)
    object_ = letters["s3"]._replace(host=f"s3.{REGION}.amazonaws.com", path=f"/{to}-files/{name}")
    form = {"Action": "SendMessage", "Version": "2012-11-05", "MessageBody": f"{name} {email}"}
    kind = {"content-type": "application/x-www-form-urlencoded"}
    path, text = f"/{ACCOUNT}/{to}-jobs", urllib.parse.urlencode(form).encode()
    message = Letter("sqs", "POST", f"{REGION}.queue.amazonaws.com", path, kind, text)
    return {**letters, "s3": object_, "sqs": message}


def queue(to):
    """A queue's URL."""
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{to}-jobs"


def signed(letter):
    """The letter's headers with its signature (IAM user guide: create a signed AWS API request)."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    digest = hashlib.sha256(letter.body).hexdigest()
    headers = {
        **letter.headers,
        "host": letter.host,
        "x-amz-content-sha256": digest,
        "x-amz-date": now,
        "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"],
    }
    names = ";".join(sorted(headers))
    listed = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = "\n".join([letter.method, letter.path, "", listed, names, digest])
    scope = f"{now[:8]}/{REGION}/{letter.service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    told = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": told}


def through(boto3, event):
    """The errand by some boto3; what each step came to, as a status."""
    item = boto3.client("dynamodb").get_item(TableName=os.environ["CUSTOMERS"], Key={"id": {"S": "c1"}})
    email, to, name = item["Item"]["email"]["S"], event["to"], event["as"]
    note = {"id": {"S": name}, "email": {"S": email}}
    steps = {
        "s3": lambda: boto3.client("s3").put_object(Bucket=f"{to}-files", Key=name, Body=email.encode()),
        "sqs": lambda: boto3.client("sqs").send_message(QueueUrl=queue(to), MessageBody=f"{name} {email}"),
        "dynamodb": lambda: boto3.client("dynamodb").put_item(TableName=f"{to}-notes", Item=note),
    }
    return {step: status(call) for step, call in steps.items()}


def status(call):
    """The HTTP status of a client's call."""
    try:
        return call()["ResponseMetadata"]["HTTPStatusCode"]
    except Exception as error:  # a client of another boto3 has its own ClientError
        return error.response["ResponseMetadata"]["HTTPStatusCode"]
