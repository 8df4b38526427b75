"""A09: What is asked for, as the access log of somebody else's bucket has it.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestAccessLog(Claims):
    attack = "a09"
