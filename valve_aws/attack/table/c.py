"""Attacks on credentials.

Knows what each calls, the rule that refuses it and where it would be found. Does not know how it is tried.
"""

from valve_aws.attack.attack import Attack, Exit
from valve_aws.model.verdict import Rule

ROWS: tuple[Attack, ...] = (
    Attack(
        "c03",
        "gets a session that outlives it, or is of another account",
        (
            Exit("sts:AssumeRole", Rule.PERIMETER, "wire:attackers-role", (Rule.ACCEPTS,)),
            Exit("sts:AssumeRoleWithSAML", Rule.CONFIGURE, "wire:saml-provider", (Rule.CREDENTIAL,)),
        ),
        ("s3:kept-files",),
    ),
    Attack(
        "c04",
        "puts its own credential into what leaves",
        (
            Exit("sqs:SendMessage", Rule.HELD, "sqs:kept-jobs"),
            Exit("s3:PutObject", Rule.HELD, "s3:kept-files", liftable=False),
            Exit("valve:Visit", Rule.HELD, "host:kept.test", liftable=False),
            Exit("valve:Result", Rule.HELD, "result:", part="by_result", liftable=False),
            Exit("valve:Result", Rule.HELD, "result:", part="by_disguise", liftable=False),
        ),
        ("sqs:kept-jobs", "s3:kept-files", "host:kept.test", "result:"),
    ),
)
