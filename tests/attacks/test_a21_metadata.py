"""A21: what is said beside the content.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestMetadata(Claims):
    attack = "a21"
