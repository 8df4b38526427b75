"""A22: secrets and parameters read in bulk.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestInBulk(Claims):
    attack = "a22"
