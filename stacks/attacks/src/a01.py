"""A01: write to stores of somebody else with the function's own role.

Why unlabelled: the perimeter refuses whatever the data is.
"""


def attack(hands):
    writes(hands, "attackers", hands.plain())


def twin(hands):
    writes(hands, "kept", hands.secret())


def writes(hands, whose, text):
    """One write to each kind of store."""
    hands.call("s3", "PutObject", Bucket=f"{whose}-files", Key=hands.trial, Body=text.encode())
    hands.call("sqs", "SendMessage", QueueUrl=hands.queue(f"{whose}-jobs"), MessageBody=text)
    hands.call("sns", "Publish", TopicArn=hands.arn("sns", f"{whose}-news"), Message=text)
    note = {"id": {"S": hands.trial}, "text": {"S": text}}
    hands.call("dynamodb", "PutItem", TableName=f"{whose}-notes", Item=note)
    record = {"Data": text.encode(), "PartitionKey": hands.trial}
    hands.call("kinesis", "PutRecord", StreamName=f"{whose}-flow", **record)
