"""A02: Writes with the attacker's keys through the genuine endpoint.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestForeignKeys(Claims):
    attack = "a02"
