"""Attacks over the network.

Knows what each calls, the rule that refuses it and where it would be found. Does not know how it is tried.
"""

from valve_aws.attack.attack import EVERY_WAY, Attack, Exit
from valve_aws.model.verdict import Rule

ROWS = (
    Attack(
        "b01",
        "posts to a host of its own",
        (Exit("valve:Visit", Rule.HOST, "host:attackers.test"),),
        ("host:kept.test",),
        EVERY_WAY,
    ),
)
