"""F01: Takes off what the runtime put onto the SDK.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestBaredSdk(Claims):
    attack = "f01"
