"""A17: Hands events to somebody else, and has a state machine speak HTTP.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestBuses(Claims):
    attack = "a17"
