"""E02: Sends an honest handler events that are code.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestEventInjection(Claims):
    attack = "e02"
