"""A01: Writes to stores of somebody else with the function's own role.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestForeignStores(Claims):
    attack = "a01"
