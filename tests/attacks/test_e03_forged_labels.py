"""E03: forges, strips or replays labels in bodies, attributes, metadata, items and headers.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestForgedLabels(Claims):
    attack = "e03"
