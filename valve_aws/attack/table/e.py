"""Attacks across the workflow.

Knows what each calls, the rule that refuses it and where it would be found. Does not know how it is tried.
"""

from valve_aws.attack.attack import Attack, Exit
from valve_aws.model.verdict import Rule

ROWS = (
    Attack(
        "e02",
        "sends an honest handler events that are code",
        (
            Exit("valve:Visit", Rule.HOST, "host:attackers.test", (Rule.ACCEPTS,)),
            Exit("valve:Visit", Rule.ACCEPTS, "host:open.test"),
        ),
        ("s3:kept-files",),
    ),
)
