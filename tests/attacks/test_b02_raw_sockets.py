"""B02: Writes requests onto sockets by hand.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestRawSockets(Claims):
    attack = "b02"
