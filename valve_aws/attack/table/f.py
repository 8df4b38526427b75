"""Attacks on the guard itself.

Knows what each calls, the rule that refuses it and where it would be found. Does not know how it is tried.
"""

from valve_aws.attack.attack import EVERY_WAY, Attack, Exit
from valve_aws.model.verdict import Rule

ROWS = (
    Attack(
        "f01",
        "takes off what the runtime put onto the SDK, and forges what it says",
        (
            Exit("s3:PutObject", Rule.ACCEPTS, "s3:open-files"),
            Exit("sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs"),
            Exit("valve:Visit", Rule.ACCEPTS, "host:open.test"),
        ),
        ("s3:kept-files", "sqs:kept-jobs", "host:kept.test"),
        EVERY_WAY,
    ),
    Attack(
        "f04",
        "wears the guard out and then walks through",
        (Exit("valve:Visit", Rule.HOST, "host:attackers.test"),),
        ("host:kept.test",),
    ),
    Attack(
        "f05",
        "encodes, turns round, compresses and encrypts it",
        (
            Exit("s3:PutObject", Rule.ACCEPTS, "s3:open-files"),
            Exit("sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs"),
            Exit("sns:Publish", Rule.ACCEPTS, "sns:open-news"),
            Exit("dynamodb:PutItem", Rule.ACCEPTS, "dynamodb:open-notes"),
            Exit("kinesis:PutRecord", Rule.ACCEPTS, "kinesis:open-flow"),
            Exit("valve:Visit", Rule.ACCEPTS, "host:open.test"),
        ),
        (
            "s3:kept-files",
            "sqs:kept-jobs",
            "sns:kept-news",
            "dynamodb:kept-notes",
            "kinesis:kept-flow",
            "host:kept.test",
        ),
    ),
)
