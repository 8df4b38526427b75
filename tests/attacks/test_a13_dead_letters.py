"""A13: Moves an own queue's messages into somebody else's.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestDeadLetters(Claims):
    attack = "a13"
