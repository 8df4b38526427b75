"""Regular expressions mean the same to every Python that the project runs on.

Knows what one of them gets wrong. Does not know what an expression is for.
"""

from __future__ import annotations

import re

from tests.house.source import listed, modules

POSSESSIVE = re.compile(r"\)(?:[*+?]|\{[0-9]*,?[0-9]*\})\+")
"""Why: before Python 3.11.5 (Debian 12 has 3.11.2) a possessive repeat of a group goes on from the wrong
place after the group began to fit and did not (python/cpython#106052)."""
CLASS = re.compile(r"\[(?:\\.|[^\]\\])*\]")


def test_no_group_is_repeated_possessively() -> None:
    found = {
        f"{module.path}:{number}: {line.strip()}"
        for module in modules("valve_aws", "shims")
        for number, line in enumerate(module.text.splitlines(), 1)
        if POSSESSIVE.search(CLASS.sub("x", line))
    }
    assert not found, listed(found, "write an atomic group, `(?>(?:...)*)`; one character may be repeated so")
