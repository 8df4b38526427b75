"""A06: A bucket opened by its policy.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestBucketPolicy(Claims):
    attack = "a06"
