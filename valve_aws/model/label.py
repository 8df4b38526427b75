"""Tags and labels: what is known about where a piece of data came from.

Knows how labels join and when one fits within a ceiling. Does not know who carries them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

Tag = str
"""A lower-case path of one or more segments, ``pii/email``; a field's value is one escaped segment."""

Label = frozenset[Tag]
"""A set of tags on a piece of data. Joining is set union; the empty set is clean data."""

CLEAN: Label = frozenset()

TAG = re.compile(r"[a-z0-9._%@+-]+(?:/[a-z0-9._%@+-]+)*", re.ASCII)
"""The written form of a tag once its fields are filled."""

ANY: Tag = "*"
"""As an element of a ceiling: every tag fits within it (``clearance: all``)."""


def within(tag: Tag, bound: Tag) -> bool:
    """Say whether `tag` is `bound` or lies below it: `pii/email` is within `pii`, `pi` is not."""
    return bound == ANY or tag == bound or tag.startswith(bound + "/")


def fits(label: Label, ceiling: Label) -> bool:
    """Say whether every tag of `label` is within some tag of `ceiling`."""
    return not label or label <= ceiling or not excess(label, ceiling)


@lru_cache(4096)
def excess(label: Label, ceiling: Label) -> Label:
    """Return the tags of `label` that no tag of `ceiling` contains."""
    return frozenset(t for t in label if not any(within(t, bound) for bound in ceiling))


def join(*labels: Iterable[Tag]) -> Label:
    """Return the label of data that depends on all of `labels`."""
    return frozenset().union(*labels)


KEPT = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._@+-")


def segment(value: str) -> str:
    """Escape a field's value to one segment of a tag, so that `a/b` never falls within `a` (law 18).

    Distinct values give distinct segments: whatever a tag cannot hold, upper case included, becomes `%xx`.
    Raises ValueError for an empty value: a tag with a hole in it would be a broader tag.
    """
    if not value:
        raise ValueError("an empty value cannot fill a field of a tag")
    kept = KEPT - {"."} if not value.strip(".") else KEPT
    return "".join(
        c if c in kept else "".join(f"%{b:02x}" for b in c.encode("utf-8", "surrogatepass")) for c in value
    )


def fill(pattern: str, fields: Mapping[str, str]) -> Tag:
    """Fill the `{x}` of a tag pattern from `fields`, each as one escaped segment.

    Raises KeyError when a field is missing and ValueError when it is empty (law 18: refused, never guessed).
    """
    return re.sub(r"\{([^{}]+)\}", lambda m: segment(fields[m.group(1)]), pattern)
