"""B04: Puts data into names.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestNames(Claims):
    attack = "b04"
