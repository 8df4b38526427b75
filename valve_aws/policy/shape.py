"""Taking a parsed text apart: mappings with known keys, lists of words, and the mistakes in them.

Knows positions and how a mistake is told. Does not know what any key means.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator

from valve_aws.model.source import Invalid, Node, Where


def near(word: str, known: Iterable[str]) -> str:
    """Return the remedy for a word that is not known: the nearest one, or all there are."""
    names = sorted(known)
    found = difflib.get_close_matches(word, names, 1)
    if found:
        return f"did you mean `{found[0]}`"
    return "known here: " + (", ".join(f"`{n}`" for n in names[:12]) or "nothing")


def mapping(node: Node, what: str, known: Collection[str] | None = None) -> Iterator[tuple[str, Node, Where]]:
    """Yield (key, value, place of the key) of a mapping; an empty one may be written as nothing.

    With `known`, any other key is `Invalid`.
    """
    if node.value is None:
        return
    if not isinstance(node.value, dict):
        raise Invalid(node.where, f"{what} is a mapping", "write `key: value` lines below it")
    for key, value in node.value.items():
        where = node.keys.get(key, value.where)
        if known is not None and key not in known:
            raise Invalid(where, f"{what} has no `{key}`", near(key, known))
        yield key, value, where


def words(node: Node, what: str) -> tuple[Node, ...]:
    """Return the scalars of a list; one word may stand for a list of one."""
    entries = node.value if isinstance(node.value, list) else [node]
    for entry in entries:
        if not isinstance(entry.value, str):
            raise Invalid(entry.where, f"{what} is a list of words", "write `[one, two]`; quote what YAML takes for a number")
    return tuple(entries)


def word(node: Node, what: str) -> str:
    """Return one word."""
    if not isinstance(node.value, str):
        raise Invalid(node.where, f"{what} is a word", "quote it if YAML takes it for something else")
    return node.value


def flag(node: Node, what: str) -> bool:
    """Return a truth value."""
    if not isinstance(node.value, bool):
        raise Invalid(node.where, f"{what} is `true` or `false`")
    return node.value
