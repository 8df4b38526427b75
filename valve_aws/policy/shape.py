"""Taking a parsed text apart: mappings with known keys, lists of words, and the mistakes in them.

Knows positions and how a mistake is told. Does not know what any key means.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from valve_aws.model.source import Invalid, Node, Where

LONGEST = 1024
"""Characters of one word: the longest object key (S3 User Guide, object key names)."""

SHOWN = 80
"""Characters of a user's word that an error message repeats."""


def shown(value: Any) -> str:
    """Return a value in the user's words: in back-ticks, or what kind of thing it is."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"`{str(value).lower()}`"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case bytes():
            return "binary content"
    text = str(value)
    return f"`{text[:SHOWN]}…`" if len(text) > SHOWN else f"`{text}`"


def near(word: str, known: Iterable[str]) -> str:
    """Return the remedy for a word that is not known: the nearest one, or all there are."""
    import difflib  # Why here: only a mistake pays for it

    names = sorted(known)
    lowered = {n.lower(): n for n in names}
    found = difflib.get_close_matches(word[:SHOWN].lower(), lowered, 1)
    if found:
        return f"did you mean `{lowered[found[0]]}`"
    if not names:
        return "there is none to name"
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return "known here: " + ", ".join(f"`{n}`" for n in names[:12]) + more


def bare(node: Node, what: str) -> None:
    """Refuse a short form such as `!Sub`: nothing resolves it here."""
    if node.tag:
        raise Invalid(
            node.where,
            f"{what} is written with `!{node.tag}`, which a policy does not resolve",
            "write it out",
        )


def mapping(node: Node, what: str, known: Collection[str] | None = None) -> Iterator[tuple[str, Node, Where]]:
    """Yield (key, value, place of the key) of a mapping; an empty one may be written as nothing.

    With `known`, any other key is `Invalid`.
    """
    bare(node, what)
    if node.value is None:
        return
    if not isinstance(node.value, dict):
        problem = f"{what} must be a mapping, not {shown(node.value)}"
        raise Invalid(node.where, problem, "write `key: value` lines below it")
    for key, value in node.value.items():
        where = node.keys.get(key, value.where)
        if known is not None and key not in known:
            raise Invalid(where, f"{what} has no {shown(key)}", near(key, known))
        if len(key) > LONGEST:
            raise Invalid(where, f"a name of more than {LONGEST} characters", "shorten it")
        yield key, value, where


def members(node: Node, what: str, known: Collection[str]) -> dict[str, Node]:
    """Return the members of a mapping whose keys are all known."""
    return {key: value for key, value, _ in mapping(node, what, known)}


def listed(node: Node, what: str) -> list[Node]:
    """Return the entries of a list."""
    bare(node, what)
    if not isinstance(node.value, list):
        raise Invalid(node.where, f"{what} is a list, not {shown(node.value)}", "start each entry with `- `")
    return node.value


def several(node: Node) -> list[Node]:
    """Return the entries of a list; one value may stand for a list of one."""
    return node.value if isinstance(node.value, list) and not node.tag else [node]


def words(node: Node, what: str) -> tuple[Node, ...]:
    """Return the words of a list as nodes; one word may stand for a list of one."""
    entries = several(node)
    for entry in entries:
        bare(entry, what)
        if not isinstance(entry.value, str):
            remedy = "write `[one, two]`; quote what YAML takes for a number"
            if entry.value is None:
                remedy = "write `[]` for nothing at all"
            raise Invalid(entry.where, f"{what} is a list of words, not {shown(entry.value)}", remedy)
        _bounded(entry)
    return tuple(entries)


def word(node: Node, what: str) -> str:
    """Return one word."""
    bare(node, what)
    if not isinstance(node.value, str):
        raise Invalid(
            node.where,
            f"{what} is a word, not {shown(node.value)}",
            "quote it if YAML takes it for something else",
        )
    _bounded(node)
    return node.value


def _bounded(node: Node) -> None:
    if len(node.value) > LONGEST:
        raise Invalid(node.where, f"a word of more than {LONGEST} characters", "shorten it")


def flag(node: Node, what: str) -> bool:
    """Return a truth value."""
    bare(node, what)
    if not isinstance(node.value, bool):
        raise Invalid(
            node.where, f"{what} is `true` or `false`, not {shown(node.value)}", "write one of them"
        )
    return node.value


def only(node: Node, key: str, what: str) -> Node:
    """Return the one member of a mapping that has no other."""
    parts = members(node, what, (key,))
    if key not in parts:
        raise Invalid(node.where, f"{what} has no `{key}`", f"write `{{{key}: [...]}}`")
    return parts[key]
