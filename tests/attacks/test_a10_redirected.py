"""A10: Events, logs, inventories, a website and a lifecycle of a bucket redirected.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims


class TestRedirected(Claims):
    attack = "a10"
