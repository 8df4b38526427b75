"""Which line of a policy names a place: a store's ARN or a destination pattern.

Knows how targets are written and which of them is nearest. Does not know what is allowed there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from valve_aws.model.pattern import literal_prefix, unify

URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
OPEN = re.compile(r"[*{]")

UNSETTLED = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:[/?#;]|$)|//|\\|%2f|%5c|[\x00-\x20]", re.IGNORECASE)
"""What servers resolve in different ways, so a path that holds it may end up anywhere on its host (law 7)."""


def match(pattern: str, text: str) -> dict[str, str] | None:
    """Return the fields with which `pattern` names `text`, None when it does not.

    Of URLs scheme, authority and path are matched each on its own: a `*` in a host name never reaches over
    its end.
    """
    if pattern == text:
        return {}
    if not OPEN.search(pattern):
        return None
    wanted, given = URL.fullmatch(pattern), URL.fullmatch(text)
    if wanted is None and given is None:
        return unify(pattern, text)
    if wanted is None or given is None or wanted[1] != given[1]:
        return None
    fields = unify(wanted[2], given[2])
    if fields is None:
        return None
    if unsettled(text) and wanted[3] != "/*":
        return None
    return unify(wanted[3], given[3], fields)


def unsettled(text: str) -> bool:
    """Say whether a URL's path may be read in several ways."""
    m = URL.fullmatch(text)
    return m is not None and UNSETTLED.search(m[3]) is not None


def authority(target: str) -> str:
    """Return the authority of a URL pattern, "" when it is none."""
    m = URL.fullmatch(target)
    return m[2] if m else ""


def instance(pattern: str, fields: Mapping[str, str]) -> str:
    """Return the pattern with its fields filled in: the one name under which a destination is remembered."""
    for name, value in fields.items():
        pattern = pattern.replace("{" + name + "}", value)
    return pattern


@dataclass(frozen=True, slots=True)
class Targets:
    """A compiled list of targets."""

    exact: frozenset[str]
    patterns: tuple[str, ...]

    def covers(self, store: str) -> bool:
        """Say whether any of them names `store`."""
        return store in self.exact or any(match(p, store) is not None for p in self.patterns)


def compile_targets(written: Iterable[str]) -> Targets:
    """Compile a list of ARNs and patterns."""
    names = tuple(written)
    return Targets(
        frozenset(n for n in names if not OPEN.search(n)), tuple(n for n in names if OPEN.search(n))
    )


class Nearest:
    """Finds the one target that names a place: the exact one, else the pattern with the longest literal
    beginning.
    """

    def __init__(self, written: Iterable[str]) -> None:
        names = tuple(dict.fromkeys(written))
        self._exact = frozenset(n for n in names if not OPEN.search(n))
        self._by_start: dict[str, list[tuple[str, str]]] = {}
        for start, pattern in sorted(
            ((literal_prefix(n), n) for n in names if OPEN.search(n)),
            reverse=True,
            key=lambda pair: len(pair[0]),
        ):
            self._by_start.setdefault(start[:START], []).append((start, pattern))
        self._lengths = sorted({len(start) for start in self._by_start}, reverse=True)
        self._crowded = {host for host, n in Counter(authority(n) for n in names).items() if n > 1}

    def find(self, text: str) -> tuple[str, dict[str, str]] | None:
        """Return (target, fields), None when nothing names `text`."""
        if text in self._exact:
            return text, {}
        for length in self._lengths:
            for start, pattern in self._by_start.get(text[:length], ()):
                fields = match(pattern, text) if text.startswith(start) else None
                if fields is not None:
                    # Why: where a host has several lines, a path that may be read in two ways could belong to
                    # any of them.
                    return (
                        None if unsettled(text) and authority(pattern) in self._crowded else (pattern, fields)
                    )
        return None


START = 24
"""Characters of a literal beginning by which patterns are looked up: enough to tell hosts apart."""
