"""B05: Speaks protocols other than HTTP.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestOtherProtocols(Claims):
    attack = "b05"
