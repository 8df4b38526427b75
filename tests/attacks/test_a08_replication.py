"""A08: A bucket replicated into somebody else's.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestReplication(Claims):
    attack = "a08"
