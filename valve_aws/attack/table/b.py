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
    Attack(
        "b02",
        "writes the request onto a socket by hand",
        (Exit("valve:Visit", Rule.HOST, "host:attackers.test"),),
        ("host:kept.test",),
        ("sdk", "child", "thread", "later"),
    ),
    Attack(
        "b04",
        "puts it into a host name that is looked up",
        (
            Exit("valve:Visit", Rule.HOST, "dns:"),
            Exit("valve:Visit", Rule.HOST, "dns:", (Rule.ACCEPTS,), part="labelled"),
        ),
        ("host:kept.test",),
        ("sdk", "socket"),
    ),
    Attack(
        "b05",
        "speaks a protocol other than HTTP",
        (
            Exit("valve:Connect", Rule.HOST, "tcp:db.attackers.test"),
            Exit("valve:Connect", Rule.ACCEPTS, "tcp:db.open.test", part="labelled"),
        ),
        ("tcp:db.kept.test",),
        ("sdk", "child"),
    ),
    Attack(
        "b08",
        "trusts anybody and asks no proxy",
        (
            Exit("valve:Visit", Rule.HOST, "host:attackers.test"),
            Exit("sqs:SendMessage", Rule.PERIMETER, "wire:attackers-jobs"),
        ),
        ("host:kept.test", "sqs:kept-jobs"),
        ("sdk", "aged", "child"),
    ),
)
