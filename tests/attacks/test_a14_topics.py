"""A14: Subscribes somebody else to an own topic, or sends him a text.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestTopics(Claims):
    attack = "a14"
