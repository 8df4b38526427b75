"""D08: Feeds a function from elsewhere.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestEventSources(Claims):
    attack = "d08"
