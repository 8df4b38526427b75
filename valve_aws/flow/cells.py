"""Which names of a store a policy's cell rule is about, as far as a request tells the names.

Knows keys, prefixes and fields. Does not know labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import unquote

from valve_aws.model.cell import Extent, Span
from valve_aws.model.pattern import FIELD, literal_prefix, unify


class Reach(IntEnum):
    """Whether a rule is about the names of an extent."""

    NONE = 0
    SOME = 1
    """It may be about some of them."""
    EVERY = 2
    """It is about every one, each with the same fields."""


@dataclass(frozen=True, slots=True)
class Named:
    """What is known of one part of a name: its text, and whether that is only its beginning."""

    text: str
    begun: bool


def known(extent: Extent, keys: Sequence[str] | None) -> Mapping[str, Named]:
    """Return what an extent tells of its cells' names: key attribute → text; "" is an object's whole key.

    `keys` are a table's key attributes in schema order, () for stores whose names are one text, None when not
    known.
    """
    if extent.span not in {Span.ONE, Span.PREFIX} or keys is None:
        return {}
    if keys == ():
        # Why cut: an upload under way is named by its key, NUL, its id; the rules are about the key.
        text, cut, _ = extent.name.partition("\0")
        return {"": Named(text, extent.span is Span.PREFIX and not cut)}
    if not extent.name:
        return {}
    values = extent.name.split("/")
    last = len(values) - 1
    begun = extent.span is Span.PREFIX
    return {
        k: Named(unquote(v), begun and i == last) for i, (k, v) in enumerate(zip(keys, values, strict=False))
    }


def reach(key: Mapping[str, str], names: Mapping[str, Named]) -> tuple[Reach, dict[str, str]]:
    """Say how far a rule's `key` reaches the names, and with which fields; a field is there only if it is
    certain.
    """
    least = Reach.EVERY
    fields: dict[str, str] = {}
    for attribute, pattern in key.items():
        found, more = _one(pattern, names.get(attribute))
        for field, value in more.items():
            if fields.setdefault(field, value) != value:
                return Reach.NONE, {}
        least = min(least, found)
    return (least, fields) if least else (Reach.NONE, {})


def _one(pattern: str, named: Named | None) -> tuple[Reach, dict[str, str]]:
    if named is None or (named.begun and not named.text):
        return (Reach.EVERY if pattern == "*" else Reach.SOME), {}
    if not named.begun:
        fields = unify(pattern, named.text)
        return (Reach.NONE, {}) if fields is None else (Reach.EVERY, fields)
    start = literal_prefix(pattern)
    if not (start.startswith(named.text) or named.text.startswith(start)):
        return Reach.NONE, {}
    if pattern.endswith("*") and pattern.count("*") == 1:
        fields = unify(pattern, named.text)
        if fields is not None:
            return Reach.EVERY, fields
    return Reach.SOME, _begun(pattern, named.text)


def _begun(pattern: str, text: str) -> dict[str, str]:
    """Return the fields that a name's beginning settles: those that end at a literal which the beginning
    holds whole.
    """
    stop = pattern.find("*")
    head = pattern if stop < 0 else pattern[:stop]
    ends = [*(m.start() for m in FIELD.finditer(head)), len(head)][1:]
    for end in reversed(ends):
        if head[:end].endswith("}"):
            continue
        fields = unify(head[:end] + "*", text)
        if fields is not None:
            return fields
    return {}
