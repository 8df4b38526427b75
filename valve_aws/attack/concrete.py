"""Patterns of a policy made into one text or one tag that fits them.

Knows `{fields}` and `*`. Does not know what is named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

FIELD = re.compile(r"\{([^{}]+)\}")
VALUE = "v1"
"""What stands for every field."""

STAR = "probe"
"""What stands for every `*`."""


def text(pattern: str) -> str:
    """Return a text that fits a pattern."""
    return FIELD.sub(VALUE, pattern).replace("*", STAR)


def event(patterns: tuple[str, ...], content: str) -> dict[str, Any]:
    """Return an event with all fields that these patterns are filled from, and the content beside them."""
    made: dict[str, Any] = {"content": content}
    for path in (name for pattern in patterns for name in FIELD.findall(pattern)):
        place = made
        *folders, last = path.split(".")
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = VALUE
    return made


def filled(key: Mapping[str, str]) -> dict[str, str]:
    """Return names that fit the patterns of a cell rule, by attribute."""
    return {attribute: text(pattern) for attribute, pattern in key.items()}
