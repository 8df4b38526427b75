"""Attacks over the network.

Knows what each calls, the rule that refuses it and where it would be found. Does not know how it is tried.
"""

from valve_aws.attack.attack import EVERY_WAY, Attack, Exit
from valve_aws.model.verdict import Rule

BARE = ("socket", "child")
"""What writes its bytes itself has no other way of delivery; the item is read by the way's own."""

ROWS = (
    Attack(
        "b01",
        "posts to a host of its own",
        (Exit("valve:Visit", Rule.HOST, "host:attackers.test"),),
        ("host:kept.test",),
        EVERY_WAY,
    ),
    Attack(
        "b03",
        "shows the wire one name and speaks to another",
        (Exit("valve:Visit", Rule.HOST, "host:attackers.test"),),
        ("host:kept.test",),
        BARE,
    ),
    Attack(
        "b06",
        "hides it from who reads the wire: compressed, chunked, pipelined, upgraded",
        (Exit("valve:Visit", Rule.HOST, "host:attackers.test"),),
        ("host:kept.test",),
        BARE,
    ),
)
