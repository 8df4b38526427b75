"""What a plain YAML scalar means, as CloudFormation takes it.

Knows the traps of YAML 1.1 and which of them CloudFormation steps around. Does not know positions.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import Any

WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    **{w: True for name in ("true", "yes", "on") for w in (name, name.title(), name.upper())},
    **{w: False for name in ("false", "no", "off") for w in (name, name.title(), name.upper())},
}
"""YAML 1.1 null and bool; the one-letter `y` and `n` stay text, as in every implementation that AWS uses."""

WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,39})")
"""Decimal only. `012345678901` (an account), `0644` (a file mode), `1_000` and `12:30:45` are text."""

REAL = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]{0,39})\.[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][-+][0-9]{1,3})?")
"""A dot is needed, as in YAML 1.1; dates (`2012-10-17`) never match."""

NUMERIC = frozenset("+-.0123456789")


def plain(text: str) -> str | int | float | bool | None:
    """Return what an unquoted scalar stands for; anything that is not certain stays the text it is."""
    if text in WORDS:
        return WORDS[text]
    if text[0] in NUMERIC:
        if WHOLE.fullmatch(text):
            return int(text)
        if REAL.fullmatch(text):
            return float(text)
    return text


def _whole(text: str) -> int:
    if not WHOLE.fullmatch(text):
        raise ValueError
    return int(text)


def _real(text: str) -> float:
    if not (REAL.fullmatch(text) or WHOLE.fullmatch(text)):
        raise ValueError
    return float(text)


def _truth(text: str) -> bool:
    value = WORDS.get(text)
    if value is None:
        raise ValueError
    return value


def _nothing(text: str) -> None:
    if text and WORDS.get(text, 0) is not None:
        raise ValueError


def _octets(text: str) -> bytes:
    try:
        return b64decode("".join(text.split()), validate=True)
    except (Base64Error, ValueError):
        raise ValueError from None


EXPLICIT: dict[str, Callable[[str], Any]] = {
    "str": str,
    "timestamp": str,
    "int": _whole,
    "float": _real,
    "bool": _truth,
    "null": _nothing,
    "binary": _octets,
}
"""`!!int` and its like: how each reads the text, with ValueError when it cannot."""
