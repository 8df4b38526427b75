"""A20: Has its own log carry it out.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestOwnLog(Claims):
    attack = "a20"
