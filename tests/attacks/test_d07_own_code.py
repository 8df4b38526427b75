"""D07: Changes code, settings, versions and destinations.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestOwnCode(Claims):
    attack = "d07"
