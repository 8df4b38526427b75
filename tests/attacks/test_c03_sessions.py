"""C03: sessions of STS.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestSessions(Claims):
    attack = "c03"
