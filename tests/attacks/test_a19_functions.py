"""A19: Has functions run by whom, or of whom, they should not.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestFunctions(Claims):
    attack = "a19"
