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
    Attack(
        "a26",
        "has the services carry it from store to store within the perimeter",
        (
            Exit("s3:CopyObject", Rule.ACCEPTS, "s3:open-files", part="by_object"),
            Exit("s3:UploadPartCopy", Rule.ACCEPTS, "s3:open-files", part="by_part"),
            Exit("dynamodb:UpdateItem", Rule.ACCEPTS, "dynamodb:open-notes", part="by_value"),
            Exit("dynamodb:TransactWriteItems", Rule.ACCEPTS, "dynamodb:open-notes", part="by_default"),
            Exit("dynamodb:UpdateItem", Rule.ACCEPTS, "dynamodb:open-notes", part="by_condition"),
            Exit("dynamodb:TransactWriteItems", Rule.ACCEPTS, "dynamodb:open-notes", part="by_transaction"),
            Exit("dynamodb:TransactWriteItems", Rule.ACCEPTS, "dynamodb:open-notes", part="by_absence"),
            Exit("sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs", part="by_etag"),
        ),
        ("s3:kept-files", "s3:kept-copies", "dynamodb:open-notes", "dynamodb:kept-notes"),
        seeds=("s3:vault-files", "dynamodb:ledger"),
    ),
    Attack(
        "a27",
        "calls its own stores by other names, so that they are not known for what they are",
        (
            Exit("dynamodb:PutItem", Rule.ACCEPTS, "dynamodb:open-notes"),
            Exit("dynamodb:BatchWriteItem", Rule.ACCEPTS, "dynamodb:open-notes"),
            Exit("sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs"),
            Exit("sns:Publish", Rule.ACCEPTS, "sns:open-news"),
            Exit("kinesis:PutRecord", Rule.ACCEPTS, "kinesis:open-flow"),
            *(
                Exit("sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs", part=part)
                for part in (
                    "by_table_arn",
                    "by_number",
                    "by_exponent",
                    "by_sign",
                    "by_escapes",
                    "by_partial_arn",
                    "by_reference",
                )
            ),
        ),
        ("dynamodb:kept-notes", "sqs:kept-jobs", "sns:kept-news", "kinesis:kept-flow"),
        ways=("signed", "sdk"),
        seeds=("dynamodb:numbers", "s3:folders/dark/", "secretsmanager:partner-master"),
    ),
)
