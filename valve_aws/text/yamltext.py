"""YAML 1.1, read from PyYAML's events into nodes with positions, within bounds.

Knows anchors, merges, tags and limits. Does not construct what a text names, nor know any key.
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from valve_aws.model.source import Invalid, Node, Where
from valve_aws.text.encoding import place
from valve_aws.text.scalars import EXPLICIT, plain

DEPTH: Final = 100
"""Levels of nesting, aliases followed."""

NODES: Final = 200_000
"""Values once every alias is followed: what a billion laughs runs into."""

STANDARD: Final = "tag:yaml.org,2002:"
SHORT = re.compile(r"!(?:Fn::)?([A-Za-z][A-Za-z0-9]*(?:::[A-Za-z0-9]+)*)")
"""A local tag: CloudFormation's short form of an intrinsic function."""

REMEDY: Final = "mind indentation, and quote what holds `: `, `#`, `*` or `&`"

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(text: str, file: str, last: bool = False) -> Node:
    """Return the one document of `text`; with `last` a key may come again. Raises Invalid."""
    try:
        loader = LOADER(text)
        try:
            return Composing(loader, file, last).document()
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as e:
        raise Invalid(place(file, text, e.position or 0), f"cannot be read: {e.reason}") from None
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        where = Where(file, mark.line + 1, mark.column + 1) if mark else Where(file)
        if mark and "cannot start any token" in str(e.problem) and _at(text, mark) == "\t":
            raise Invalid(
                where, "not YAML: a tab, where only spaces may stand", "indent with spaces"
            ) from None
        if mark and "nesting depth" in str(e.problem):  # libyaml 0.2.6 and later count too
            raise Invalid(where, f"nested deeper than {DEPTH} levels", "flatten it") from None
        problem = " ".join(str(p) for p in (e.context, e.problem) if p) or "not YAML"
        raise Invalid(where, f"not YAML: {problem}", REMEDY) from None


def _at(text: str, mark: Any) -> str:
    """Return the character at a mark, "" beyond the end."""
    lines = text.splitlines()
    return lines[mark.line][mark.column : mark.column + 1] if mark.line < len(lines) else ""


class Composing:
    """One document while it is read."""

    def __init__(self, loader: Any, file: str, last: bool) -> None:
        self.loader = loader
        self.file = file
        self.last = last
        self.nodes = 0
        self.deepest = 0
        self.anchors: dict[str, tuple[Node, int, int] | None] = {}
        """Name → node, values in it, levels below it; None while it is still being read."""

    def where(self, event: Any) -> Where:
        """Return where an event starts."""
        mark = event.start_mark
        return Where(self.file, mark.line + 1, mark.column + 1)

    def document(self) -> Node:
        """Read one document and make sure that it is the only one."""
        event = self.loader.get_event
        event()
        if not self.loader.check_event(DocumentStartEvent):
            return Node(None, Where(self.file, 1, 1))
        event()
        root = self.node(event(), 1)
        event()
        after = event()
        if isinstance(after, DocumentStartEvent):
            raise Invalid(self.where(after), "a second document begins", "one file holds one document")
        return root

    def count(self, more: int, depth: int, where: Where) -> None:
        """Note `more` values down to `depth`, within bounds."""
        self.nodes += more
        if depth > self.deepest:
            self.deepest = depth
        if depth > DEPTH:
            raise Invalid(where, f"nested deeper than {DEPTH} levels", "flatten it")
        if self.nodes > NODES:
            raise Invalid(where, f"more than {NODES:,} values once aliases are followed", "use fewer")

    def node(self, event: Any, depth: int) -> Node:
        """Return the value that starts with `event`."""
        where = self.where(event)
        if isinstance(event, AliasEvent):
            return self.alias(event, where, depth)
        self.count(1, depth, where)
        anchor = event.anchor
        if anchor is None:
            return self.bare(event, where, depth)
        if anchor in self.anchors and self.anchors[anchor] is None:
            raise Invalid(where, f"the anchor `{anchor}` is given again within itself", "rename it")
        self.anchors[anchor] = None
        before, deepest, self.deepest = self.nodes, self.deepest, depth
        node = self.bare(event, where, depth)
        self.anchors[anchor] = (node, self.nodes - before + 1, self.deepest - depth)
        self.deepest = max(deepest, self.deepest)
        return node

    def alias(self, event: Any, where: Where, depth: int) -> Node:
        """Return what an alias stands for."""
        if event.anchor not in self.anchors:
            raise Invalid(where, f"`*{event.anchor}` names no anchor above it", "quote it if it is text")
        known = self.anchors[event.anchor]
        if known is None:
            raise Invalid(where, f"`*{event.anchor}` stands within what it names", "write it out")
        node, size, height = known
        self.count(size, depth + height, where)
        return node

    def bare(self, event: Any, where: Where, depth: int) -> Node:
        """Return the value of an event that is no alias."""
        if isinstance(event, ScalarEvent):
            return self.scalar(event, where)
        tag, explicit = self.tag(event, where)
        mapping = isinstance(event, MappingStartEvent)
        if explicit not in {"", "map" if mapping else "seq"}:
            raise Invalid(where, f"the tag `!!{explicit}` does not fit here", "leave it out")
        if mapping:
            return self.members(depth, where, tag)
        items: list[Node] = []
        while not isinstance(event := self.loader.get_event(), SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        return Node(items, where, tag)

    def tag(self, event: Any, where: Where) -> tuple[str, str]:
        """Return (short form, explicit standard type), of which at most one is not ""."""
        tag = event.tag
        if tag is None or tag == "!":
            return "", "str" if tag and isinstance(event, ScalarEvent) else ""
        short = SHORT.fullmatch(tag)
        if short:
            return short.group(1), ""
        if tag.startswith(STANDARD):
            return "", tag[len(STANDARD) :]
        raise Invalid(where, f"unknown tag `{tag}`", "use plain values or a short form such as `!Ref`")

    def scalar(self, event: Any, where: Where) -> Node:
        """Return a scalar: quoted ones are text, plain ones what CloudFormation takes them for."""
        text = event.value
        if event.tag is None:
            return Node(plain(text) if event.implicit[0] else text, where)
        tag, explicit = self.tag(event, where)
        if tag == "GetAtt":
            # Spec: Fn::GetAtt, short form: `!GetAtt logical.attribute`, split at the first dot.
            return Node([Node(part, where) for part in text.split(".", 1)], where, tag)
        if tag:
            return Node(text, where, tag)
        if explicit not in EXPLICIT:
            raise Invalid(where, f"the tag `!!{explicit}` does not fit here", "use plain values")
        try:
            return Node(EXPLICIT[explicit](text), where)
        except ValueError:
            raise Invalid(where, f"`{text[:60]}` is not what `!!{explicit}` says", "leave it out") from None

    def members(self, depth: int, start: Where, tag: str) -> Node:
        """Read a mapping to its end; keys are taken as they are written, whatever type they look like."""
        values: dict[str, Node] = {}
        keys: dict[str, Where] = {}
        repeated: list[tuple[str, Where, Where]] = []
        merged: list[Node] = []
        while not isinstance(event := self.loader.get_event(), MappingEndEvent):
            where = self.where(event)
            if isinstance(event, ScalarEvent) and event.value == "<<" and event.implicit[0]:
                merged.extend(self.merge(where, depth))
                continue
            key = self.key(event, where, depth)
            if key in values:
                if not self.last:
                    raise Invalid(where, f"`{key}` is written twice, first at {keys[key]}", "keep one")
                repeated.append((key, keys[key], where))
            keys[key] = where
            values[key] = self.node(self.loader.get_event(), depth + 1)
        for source in merged:
            for key, value in source.value.items():
                if key not in values:
                    values[key] = value
                    keys[key] = source.keys[key]
        return Node(values, start, tag, keys, tuple(repeated))

    def key(self, event: Any, where: Where, depth: int) -> str:
        """Return the text of a key."""
        if isinstance(event, AliasEvent):
            node = self.alias(event, where, depth + 1)
            if isinstance(node.value, str) and not node.tag:
                return node.value
        elif isinstance(event, ScalarEvent) and (event.tag is None or event.tag.startswith(STANDARD)):
            if event.anchor is not None:
                self.anchors[event.anchor] = (Node(event.value, where), 1, 0)
            return str(event.value)
        raise Invalid(where, "a key must be plain text", "quote it")

    def merge(self, where: Where, depth: int) -> list[Node]:
        """Return the mappings that a `<<` brings in, the strongest first (YAML merge key)."""
        node = self.node(self.loader.get_event(), depth + 1)
        sources = node.value if isinstance(node.value, list) else [node]
        if not all(isinstance(s.value, dict) and not s.tag for s in sources):
            raise Invalid(where, "`<<` must be given a mapping or a list of mappings", "write `<<: *anchor`")
        return sources
