"""A16: Reads through a write.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestThroughWrites(Claims):
    attack = "a16"
