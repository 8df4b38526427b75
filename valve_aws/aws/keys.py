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

MARKED = MARK.encode()

SECRET = "ValveKept"
"""How a secret key and a session token of ours begin, so that looking for all of them is looking for one
word (`model.spellings`). No letter of them is changed by JSON, URLs, forms or HTML."""

SECRET_LENGTH = 40
"""Characters of a secret key, AWS's own; 31 of them are random, some 184 bits."""
TOKEN_LENGTH = 129


def issue(random: Callable[[int], bytes]) -> Key:
    """Return a new placeholder key made of `random(n)` bytes; it works nowhere but at the valve that issued
    it (law 17)."""
    ident = base64.b32encode(random(7)).decode().rstrip("=")[:20 - len(MARK)]
    return Key(MARK + ident, _kept(random, SECRET_LENGTH), _kept(random, TOKEN_LENGTH))


def _kept(random: Callable[[int], bytes], length: int) -> str:
    """Return a secret of letters and digits alone."""
    left = length - len(SECRET)
    return SECRET + base64.b64encode(random(-(-left * 3 // 4)), b"Kx").decode()[:left]


def is_ours(access_key: str) -> bool:
    """Say whether an access key has the shape of one that a valve issued."""
    return access_key.startswith(MARK)
