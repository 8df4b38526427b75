"""Numbers with what they count, as people say them.

Knows one rule of English. Does not know what is counted.
"""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """Return a number with what it counts: `1 call`, `2 calls`."""
    return f"{number} {what}{'' if number == 1 else 's'}"
