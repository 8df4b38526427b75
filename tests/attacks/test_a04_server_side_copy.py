"""A04: Copies made by the service into somebody else's bucket.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestServerSideCopy(Claims):
    attack = "a04"
