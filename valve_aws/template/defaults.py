"""SAM's `Globals`: what every resource of a kind starts from.

Knows how Globals and a resource's own properties are merged (SAM specification, Globals section).
Does not know what the properties mean.
"""

from __future__ import annotations

from collections.abc import Mapping

from valve_aws.model.source import Node, Where
from valve_aws.template.shapes import entries


def read(section: Node | None) -> dict[str, Node]:
    """Return type → the properties that `Globals` gives it."""
    found = {}
    for name, node in entries(section, "`Globals`").items():
        entries(node, f"`Globals.{name}`")
        found[f"AWS::Serverless::{name}"] = node
    return found


def under(defaults: Mapping[str, Node], kind: str, own: Node | None, where: Where) -> Node:
    """Return a resource's properties with its kind's defaults under them."""
    base = defaults.get(kind)
    if own is None or own.value is None:
        own = Node({}, where)
    entries(own, "`Properties`")
    return merge(base, own) if base is not None and isinstance(base.value, dict) else own


def merge(base: Node, own: Node) -> Node:
    """Mappings are merged, lists appended to the global ones, all else is the resource's own."""
    if _written_out(base) and _written_out(own):
        if isinstance(base.value, dict) and isinstance(own.value, dict):
            merged = dict(base.value)
            for key, node in own.value.items():
                merged[key] = merge(merged[key], node) if key in merged else node
            return Node(merged, own.where, "", {**base.keys, **own.keys})
        if isinstance(base.value, list) and isinstance(own.value, list):
            return Node(base.value + own.value, own.where)
    return own


def _written_out(node: Node) -> bool:
    """Say whether a node is plain: neither a short form nor the long form of a function."""
    if node.tag:
        return False
    if isinstance(node.value, dict) and len(node.value) == 1:
        key = next(iter(node.value))
        return key != "Ref" and not key.startswith("Fn::")
    return True
