"""Attacks across the workflow.

Knows what each calls, the rule that refuses it and where it would be found. Does not know how it is tried.
"""

from valve_aws.attack.attack import Attack, Exit
from valve_aws.model.verdict import Rule

ROWS = (
    Attack(
        "e01",
        "has a step of the workflow run before its turn",
        (
            Exit("lambda:Invoke", Rule.FROM, "sqs:open-jobs", part="by_name"),
            Exit("lambda:Invoke", Rule.FROM, "sqs:open-jobs", part="by_version"),
            Exit("lambda:Invoke", Rule.FROM, "sqs:open-jobs", part="by_event"),
            Exit("sqs:SendMessage", Rule.FROM, "sqs:open-jobs", part="by_queue"),
        ),
        ("sqs:kept-jobs",),
    ),
    Attack(
        "e02",
        "sends an honest handler events that are code",
        (
            Exit("valve:Visit", Rule.HOST, "host:attackers.test", (Rule.ACCEPTS,)),
            Exit("valve:Visit", Rule.ACCEPTS, "host:open.test"),
        ),
        ("s3:kept-files",),
    ),
    Attack(
        "e03",
        "says of what it sends that it carries no label",
        (
            Exit("sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs"),
            Exit("s3:PutObject", Rule.ACCEPTS, "s3:open-files"),
            Exit("dynamodb:PutItem", Rule.ACCEPTS, "dynamodb:open-notes"),
            Exit("valve:Visit", Rule.ACCEPTS, "host:open.test"),
        ),
        ("sqs:kept-jobs", "s3:kept-files", "dynamodb:kept-notes", "host:kept.test"),
    ),
)
