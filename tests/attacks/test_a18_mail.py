"""A18: Mails an outsider.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestMail(Claims):
    attack = "a18"
