"""B01: Posts to a host that nobody named.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestAnyHost(Claims):
    attack = "b01"
