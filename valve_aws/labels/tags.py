"""The tags of one cell, as the book writes them, and which looks they concern.

Knows one row's meaning. Does not know where rows are kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted

from valve_aws.model.cell import Cell, Extent
from valve_aws.model.label import Label
from valve_aws.model.verdict import Way

Tags = Mapping[str, str]
"""Tag → the record that put it there, "" for the operator's own."""


def touches(extent: Extent, attribute: str) -> bool:
    """The item itself is touched by every look at it; a declared attribute only when it is named or all
    are."""
    return not attribute or extent.attributes is None or attribute in extent.attributes


def recognised(bound: str, asked: str, seen: str) -> bool:
    """Say whether a version that was asked for or shown is the one that the label is bound to; "" is no
    claim."""
    return all(not claim or claim == bound for claim in (asked, seen))


def collect(ways: dict[str, Way], cell: Cell, tags: Tags) -> None:
    """Add the way of each tag that has none yet."""
    for tag, record in tags.items():
        ways.setdefault(tag, Way(tag, cell, record=record))


@lru_cache(maxsize=4096)
def loaded(text: str) -> Tags:
    """Return a row's tags; raises ValueError."""
    tags = json.loads(text)
    if not isinstance(tags, dict):
        raise ValueError("a label in the book cannot be read")
    return tags


def dumped(tags: Tags) -> str:
    """Return a row's text, of equal tags the same. Why not `json.dumps`: with any option it makes an encoder
    for each call, and that takes longer than a statement."""
    return "{" + ",".join([f"{quoted(tag)}:{quoted(tags[tag])}" for tag in sorted(tags)]) + "}"


def listed(tags: Tags) -> str:
    """Return the tags of a row without their records: of equal labels the same text."""
    return "[" + ",".join(map(quoted, sorted(tags))) + "]"


def brought(label: Label, record: str) -> Tags:
    """Return the tags that one record puts somewhere."""
    return dict.fromkeys(label, record)
