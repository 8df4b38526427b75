"""A07: An object or a bucket opened by an ACL.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestAcl(Claims):
    attack = "a07"
