"""Resolved values taken as what they must be, or refused with their place.

Knows the shapes of a template's values. Does not know what any key means.
"""

from __future__ import annotations

from typing import Any, Final

from valve_aws.model.source import Invalid, Node, Where


class _NoValue:
    """What `AWS::NoValue` stands for: the property is as if it were not written."""

    def __repr__(self) -> str:
        return "AWS::NoValue"


NOVALUE: Final = _NoValue()

UNRESOLVED: Final = "{{unresolved:"
"""How a text starts that only a real deployment could fill; it stays visible wherever it is used."""


def unresolved(what: str) -> str:
    """Return the visible text for what cannot be known here: `{{unresolved:ImportValue:name}}`."""
    return f"{UNRESOLVED}{what}}}}}"


def is_open(value: object) -> bool:
    """Say whether a value holds something that is known only at deployment."""
    return isinstance(value, str) and (UNRESOLVED in value or "{{resolve:" in value)


def text(value: Any) -> str | None:
    """Return a scalar as CloudFormation writes it into text; None when it is no scalar."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return None


def named(value: Any) -> str:
    """Say in a user's words what kind of value this is."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return f"`{str(value)[:60]}`" if value is not None else "nothing"


def entries(node: Node | None, what: str) -> dict[str, Node]:
    """Return the entries of a mapping; nothing written is an empty one."""
    if node is None or node.value is None or node.value is NOVALUE:
        return {}
    if isinstance(node.value, dict) and not node.tag:
        return node.value
    raise Invalid(node.where, f"{what} must be a mapping, not {named(node.value)}")


def elements(node: Node | None, what: str) -> list[Node]:
    """Return the elements of a list; nothing written is an empty one."""
    if node is None or node.value is None or node.value is NOVALUE:
        return []
    if isinstance(node.value, list) and not node.tag:
        return node.value
    raise Invalid(node.where, f"{what} must be a list, not {named(node.value)}")


def several(node: Node | None) -> list[Node]:
    """Return the elements of what may be one value or a list of them."""
    if node is None or node.value is None or node.value is NOVALUE:
        return []
    return node.value if isinstance(node.value, list) else [node]


def word(node: Node | None, what: str, default: str = "") -> str:
    """Return a scalar as text."""
    if node is None or node.value is None or node.value is NOVALUE:
        return default
    found = text(node.value)
    if found is None:
        raise Invalid(node.where, f"{what} must be text, not {named(node.value)}")
    return found


def words(node: Node | None, what: str) -> tuple[str, ...]:
    """Return one text or a list of them as texts."""
    return tuple(word(n, what) for n in several(node))


def whole(node: Node | None, what: str, default: int, bounds: tuple[int, int]) -> int:
    """Return a whole number within `bounds`; a text of digits is one, as in AWS."""
    found = word(node, what)
    if node is None or found == "" or is_open(found):
        return default
    if not (found.isascii() and found.isdecimal()) or not bounds[0] <= int(found[:10]) <= bounds[1]:
        raise Invalid(
            node.where, f"{what} must be a whole number from {bounds[0]} to {bounds[1]}, not `{found[:40]}`"
        )
    return int(found)


def truth(node: Node | None) -> bool:
    """Say whether a switch is on."""
    return node is not None and (node.value is True or str(node.value).lower() == "true")


def wrap(value: Any, where: Where) -> Node:
    """Return plain values as nodes that all stand at one place."""
    if isinstance(value, Node):
        return value
    if isinstance(value, dict):
        return Node({str(k): wrap(v, where) for k, v in value.items()}, where)
    if isinstance(value, list | tuple):
        return Node([wrap(v, where) for v in value], where)
    return Node(value, where)
