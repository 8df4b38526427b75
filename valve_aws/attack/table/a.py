"""Attacks over the cloud's own API.

Knows what each calls, the rule that refuses it and where it would be found. Does not know how it is tried.
"""

from valve_aws.attack.attack import EVERY_WAY, Attack, Exit
from valve_aws.model.verdict import Rule

ROWS = (
    Attack(
        "a01",
        "writes to somebody else's stores with the function's own role",
        (
            Exit("s3:PutObject", Rule.PERIMETER, "s3:attackers-files"),
            Exit("sqs:SendMessage", Rule.PERIMETER, "sqs:attackers-jobs"),
            Exit("sns:Publish", Rule.PERIMETER, "sns:attackers-news"),
            Exit("dynamodb:PutItem", Rule.PERIMETER, "dynamodb:attackers-notes"),
            Exit("kinesis:PutRecord", Rule.PERIMETER, "kinesis:attackers-flow"),
        ),
        ("s3:kept-files", "sqs:kept-jobs", "sns:kept-news", "dynamodb:kept-notes", "kinesis:kept-flow"),
        EVERY_WAY,
    ),
    Attack(
        "a02",
        "writes with the attacker's keys through the genuine endpoint",
        (
            Exit("s3:PutObject", Rule.CREDENTIAL, "s3:kept-files"),
            Exit("sqs:SendMessage", Rule.CREDENTIAL, "sqs:kept-jobs"),
        ),
        ("s3:kept-files", "sqs:kept-jobs"),
        EVERY_WAY,
    ),
    Attack(
        "a04",
        "has the service copy an object into somebody else's bucket",
        (
            Exit("s3:CopyObject", Rule.PERIMETER, "s3:attackers-files"),
            Exit("s3:CreateMultipartUpload", Rule.PERIMETER, "s3:attackers-files"),
            Exit("s3:UploadPartCopy", Rule.PERIMETER, "s3:attackers-files"),
        ),
        ("s3:kept-copies",),
        EVERY_WAY,
    ),
)
