"""B08: Trusts anybody and asks no proxy.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestNoChecks(Claims):
    attack = "b08"
