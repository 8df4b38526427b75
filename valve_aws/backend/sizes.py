"""How large DynamoDB counts what is in an item.

Knows the rules of its developer guide ("DynamoDB item sizes and formats"), to which AWS's streams keep. Does
not know what is counted for.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

NESTED = 3
"""Bytes that a list or a map has beside what is in it; each of its members has one more."""


def attributes(told: Mapping[str, Any]) -> int:
    """Return the bytes of attributes as DynamoDB's own JSON has them, names and values."""
    return sum(len(name.encode()) + _value(value) for name, value in told.items())


def _value(told: Mapping[str, Any]) -> int:
    ((kind, value),) = told.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return _number(str(value))
        case "B":
            return len(value) if isinstance(value, bytes) else len(base64.b64decode(value))
        case "SS" | "NS" | "BS":
            return sum(_value({kind[0]: each}) for each in value)
        case "L":
            return NESTED + sum(1 + _value(each) for each in value)
        case "M":
            return NESTED + sum(1 + attributes({name: each}) for name, each in value.items())
        case _:
            return 1


def _number(text: str) -> int:
    """Return one byte for two significant digits, one besides, and one for a sign."""
    digits = text.lower().partition("e")[0].lstrip("-+").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")
