"""A12: A queue opened to another account.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestOpenQueue(Claims):
    attack = "a12"
