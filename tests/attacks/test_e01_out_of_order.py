"""E01: Has a step of the workflow run before its turn.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestOutOfOrder(Claims):
    attack = "e01"
