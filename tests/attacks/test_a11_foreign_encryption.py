"""A11: Objects under a key that only the attacker holds.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestForeignEncryption(Claims):
    attack = "a11"
