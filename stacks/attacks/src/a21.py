"""A21: what is not content: metadata, tags, attributes, ids, names of sessions."""


def attack(hands):
    text = hands.secret()
    about(hands, text, "open")
    role = f"arn:aws:iam::{hands.account}:role/kept-role"
    hands.call("sts", "AssumeRole", RoleArn=role, RoleSessionName=text)


def by_name(hands):
    """A name is asked for that nobody has."""
    text = hands.plain()
    hands.call("dynamodb", "DescribeTable", TableName=f"attackers-{text}")
    hands.call("sqs", "GetQueueUrl", QueueName=f"attackers-{text}")


def twin(hands):
    about(hands, hands.secret(), "kept")


def about(hands, text, whose):
    """The same said about an object and a message."""
    hands.call("s3", "PutObject", Bucket=f"{whose}-files", Key=hands.trial, Body=b"x", Metadata={"t": text})
    said = {"t": {"DataType": "String", "StringValue": text}}
    queue = hands.queue(f"{whose}-jobs")
    hands.call("sqs", "SendMessage", QueueUrl=queue, MessageBody="x", MessageAttributes=said)
