"""A24: Uses keys and streams where somebody else sees it.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestKeysAndStreams(Claims):
    attack = "a24"
