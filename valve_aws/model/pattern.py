"""Patterns with `{fields}` and `*`, matched and unified.

Knows texts. Does not know what they name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

FIELD = re.compile(r"\{([A-Za-z_][\w.\[\]-]*)\}")
TOKEN = re.compile(rf"{FIELD.pattern}|(\*)")


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """Return the expression of a pattern and its field names in order.

    `{x}` matches one or more characters other than `/` and `#`; `*` matches anything. A field that occurs
    twice must match the same text (checked by `unify`). A field ends at the first place where the literal
    that follows it stands, and a `*` after the last field likewise, without going back: matching stays
    linear whatever a hostile name looks like, as long as no field stands directly beside another field
    or after a `*` (the policy refuses such patterns).
    """
    names: list[str] = []
    out: list[str] = []
    parts = _parts(pattern)
    last_field = max((at for at, (kind, _) in enumerate(parts) if kind == "field"), default=-1)
    for at, (kind, text) in enumerate(parts):
        following, literal = parts[at + 1] if at + 1 < len(parts) else ("end", "")
        stop = re.escape(literal)
        ends = at + 2 >= len(parts)
        if kind == "literal":
            out.append(re.escape(text))
        elif kind == "field":
            names.append(text)
            if following == "end":
                out.append("([^/#]++)")
            elif following == "literal" and not ends:
                further = f"[^/#{stop}]*+" if len(literal) == 1 else f"(?>(?:(?!{stop})[^/#])*)"
                out.append(f"([^/#]{further})")
            else:
                out.append("([^/#]+)" if following == "literal" else "([^/#]+?)")
        elif following == "literal" and not ends and at > last_field:
            # Why atomic: where only texts and stars follow, the first that fits is as good as any later.
            out.append(f"(?>.*?(?={stop}))")
        else:
            out.append(".*" if at > last_field else ".*?")
    return re.compile("".join(out), re.DOTALL), tuple(names)


def _parts(pattern: str) -> list[tuple[str, str]]:
    """Return (`literal`, `field` or `star`, text) in order; a run of stars is one."""
    found: list[tuple[str, str]] = []
    at = 0
    for m in TOKEN.finditer(pattern):
        if m.start() > at:
            found.append(("literal", pattern[at : m.start()]))
        at = m.end()
        if m.group(1):
            found.append(("field", m.group(1)))
        elif not found or found[-1][0] != "star":
            found.append(("star", ""))
    if at < len(pattern):
        found.append(("literal", pattern[at:]))
    return found


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
