"""F04: Wears the guard out and then walks through.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestWornOut(Claims):
    attack = "f04"
