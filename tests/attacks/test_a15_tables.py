"""A15: Has the service carry a table's items off.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestTables(Claims):
    attack = "a15"
