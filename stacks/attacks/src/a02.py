"""A02: read with the role, write with the attacker's keys through the genuine endpoint.

Why to a store of this stack that would take it: the key alone is wrong.
"""

from hands import FOREIGN


def attack(hands):
    writes(hands, FOREIGN)


def twin(hands):
    writes(hands, None)


def writes(hands, keys):
    """An object and a message, signed with these keys."""
    text = hands.secret()
    hands.call("s3", "PutObject", keys, Bucket="kept-files", Key=hands.trial, Body=text.encode())
    hands.call("sqs", "SendMessage", keys, QueueUrl=hands.queue("kept-jobs"), MessageBody=text)
