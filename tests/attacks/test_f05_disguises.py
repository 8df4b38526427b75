"""F05: Makes it look like something else.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestDisguises(Claims):
    attack = "f05"
