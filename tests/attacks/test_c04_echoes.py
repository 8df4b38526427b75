"""C04: credentials put into what leaves.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestEchoes(Claims):
    attack = "c04"
