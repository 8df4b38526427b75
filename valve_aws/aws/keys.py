"""Placeholder credentials: made, and recognised by their shape.

Knows what a key of ours looks like. Does not know which environment holds which.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from valve_aws.model.call import Key

MARK = "ASIAVALVE"
"""How an access key of ours begins: a temporary key's prefix, then our name; 20 characters in all, as
AWS's."""


def issue(random: Callable[[int], bytes]) -> Key:
    """Return a new placeholder key made of `random(n)` bytes; it works nowhere but at the valve that issued
    it (law 17)."""
    ident = base64.b32encode(random(7)).decode().rstrip("=")[:20 - len(MARK)]
    secret = base64.b64encode(random(30)).decode()
    token = "VALVE" + base64.b64encode(random(96)).decode()
    return Key(MARK + ident, secret, token)


def is_ours(access_key: str) -> bool:
    """Say whether an access key has the shape of one that a valve issued."""
    return access_key.startswith(MARK)
