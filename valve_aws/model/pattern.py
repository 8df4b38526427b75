"""Patterns with `{fields}` and `*`, matched and unified.

Knows texts. Does not know what they name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

FIELD = re.compile(r"\{([A-Za-z_][\w.\[\]-]*)\}")


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """Return the expression of a pattern and its field names in order.

    `{x}` matches one or more characters other than `/` and `#`; `*` matches anything. A field that occurs
    twice must match the
    same text (checked by `unify`). Each field is possessive up to the next literal, so matching stays linear.
    """
    names: list[str] = []
    out: list[str] = []
    at = 0
    for m in re.finditer(r"\{([A-Za-z_][\w.\[\]-]*)\}|\*", pattern):
        out.append(re.escape(pattern[at : m.start()]))
        at = m.end()
        if m.group(1):
            names.append(m.group(1))
            out.append("([^/#]+?)")
        else:
            out.append(".*")
    out.append(re.escape(pattern[at:]))
    return re.compile("".join(out), re.DOTALL), tuple(names)


def unify(pattern: str, text: str, bound: Mapping[str, str] | None = None) -> dict[str, str] | None:
    """Match the whole of `text`; return `bound` with the fields it adds, or None when it does not fit.

    A field that is already bound, or occurs twice, must have one and the same value.
    """
    expression, names = compiled(pattern)
    m = expression.fullmatch(text)
    if m is None:
        return None
    fields = dict(bound or {})
    for name, value in zip(names, m.groups(), strict=True):
        if fields.setdefault(name, value) != value:
            return None
    return fields


def literal_prefix(pattern: str) -> str:
    """Return what every text that fits must start with."""
    m = re.search(r"\{[A-Za-z_]|\*", pattern)
    return pattern[: m.start()] if m else pattern
