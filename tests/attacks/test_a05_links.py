"""A05: links and forms that leave.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestLinks(Claims):
    attack = "a05"
