"""A12: let another account receive from an own queue, or everybody.

Why what names it is unlabelled: opening an exit is refused whatever goes through it.
"""

import json

OUTSIDER = "999999999999"


def attack(hands):
    by_permission(hands, "kept-jobs", hands.plain())


def by_policy(hands):
    opened(hands, "SetQueueAttributes", hands.plain(), QueueUrl=hands.queue("kept-jobs"))


def by_making(hands):
    """A queue that is open from the start."""
    text = hands.plain()
    opened(hands, "CreateQueue", text, QueueName=text)


def twin(hands):
    by_permission(hands, "granted-jobs", hands.plain())


def by_permission(hands, queue, text):
    lets = {"Label": text, "AWSAccountIds": [OUTSIDER], "Actions": ["ReceiveMessage"]}
    hands.call("sqs", "AddPermission", QueueUrl=hands.queue(queue), **lets)


def opened(hands, operation, text, **queue):
    lets = {"Sid": text, "Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [lets]})
    hands.call("sqs", operation, Attributes={"Policy": policy}, **queue)
