"""A22: secrets and parameters read many at a time, then carried out.

Why not by a filter: which secrets that reads cannot be told, so it is refused in every mode.
"""

import json


def attack(hands):
    """All secrets of a list at once."""
    got = hands.call("secretsmanager", "BatchGetSecretValue", SecretIdList=["partner-master"])
    tell(hands, "open", held(got, "SecretValues", "SecretString"))


def by_parameters(hands):
    """The same by Parameter Store's name for it."""
    names = ["/aws/reference/secretsmanager/partner-master"]
    got = hands.call("ssm", "GetParameters", Names=names, WithDecryption=True)
    tell(hands, "open", held(got, "Parameters", "Value"))


def twin(hands):
    got = hands.call("secretsmanager", "BatchGetSecretValue", SecretIdList=["partner-master"])
    tell(hands, "kept", held(got, "SecretValues", "SecretString"))


def held(got, listed, name):
    """What the first of them says."""
    return next((each[name] for each in got.told.get(listed, ())), "{}")


def tell(hands, whose, found):
    text = json.loads(found).get(hands.trial, "nothing")
    hands.call("sqs", "SendMessage", QueueUrl=hands.queue(f"{whose}-jobs"), MessageBody=text)
