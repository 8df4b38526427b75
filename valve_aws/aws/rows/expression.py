"""DynamoDB's expressions as far as the judgement needs them: which top-level attributes each looks at and
sets.

Knows the grammar of projection, condition, key condition and update expressions. Does not know tables nor
values. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Attributes = frozenset[str] | None
"""Top-level attributes; None means every one: what an expression that we cannot read may touch."""

NOTHING: frozenset[str] = frozenset()

TOKEN = re.compile(
    r"\s*([A-Za-z_][A-Za-z0-9_]*|[#:][A-Za-z0-9_]+(?![A-Za-z0-9_-])|[0-9]+|<>|<=|>=|[=<>+\-(),.\[\]])\s*",
    re.ASCII,
)
"""Why a hyphen after `#a` is not read: names may hold one, so `#a-:b` could be a name or a subtraction."""

KEYWORDS = frozenset({"and", "or", "not", "between", "in"})
CLAUSES = frozenset({"set", "remove", "add", "delete"})


@dataclass(frozen=True, slots=True)
class Update:
    """Top-level attributes of an update expression, placeholders unresolved."""

    written: frozenset[str]
    looked: frozenset[str]
    """What decides the new value or whether there is an error: `SET a = b` looks at b, `SET a.x = :v` and
    `ADD a` at a.
    """


@dataclass(frozen=True, slots=True)
class Term:
    """One of the conditions that a key condition joins by AND: attribute, operator, placeholder of its
    (first) value.
    """

    attribute: str
    operator: str
    value: str


def tokens(text: str) -> tuple[str, ...] | None:
    """Return an expression's tokens; None when it holds anything else."""
    found: list[str] = []
    at = 0
    while at < len(text):
        m = TOKEN.match(text, at)
        if m is None:
            return None
        found.append(m.group(1))
        at = m.end()
    return tuple(found)


def _roots(found: tuple[str, ...]) -> set[str]:
    """Return the first name of each document path."""
    roots: set[str] = set()
    for at, token in enumerate(found):
        if not (token[0] in "#_" or token[0].isalpha()) or (at and found[at - 1] == "."):
            continue
        called = at + 1 < len(found) and found[at + 1] == "("
        if not called and token.lower() not in KEYWORDS:
            roots.add(token)
    return roots


@lru_cache(maxsize=2048)
def looked(text: str) -> Attributes:
    """Return the attributes that a condition, a filter or a projection names."""
    found = tokens(text)
    return None if found is None else frozenset(_roots(found))


@lru_cache(maxsize=2048)
def update(text: str) -> Update | None:
    """Return what an update expression sets and looks at; None when it cannot be read."""
    found = tokens(text)
    if not found or found[0].lower() not in CLAUSES:
        return None
    written: set[str] = set()
    read: set[str] = set()
    for clause, action in _steps(found):
        if not action or not (action[0][0] in "#_" or action[0][0].isalpha()):
            return None
        target: tuple[str, ...] = action
        value: tuple[str, ...] = ()
        if clause == "set":
            if "=" not in action:
                return None
            target, value = action[: action.index("=")], action[action.index("=") + 1 :]
        written.add(action[0])
        read |= _roots(value)
        if clause in {"add", "delete"} or len(target) > 1:
            read.add(action[0])
    return Update(frozenset(written), frozenset(read))


def _steps(found: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """Return (clause, tokens) of each action, cut at clause words and at commas outside parentheses."""
    steps: list[tuple[str, tuple[str, ...]]] = []
    clause, start, depth = "", 0, 0
    for at, token in enumerate((*found, ",")):
        opening = not depth and token.lower() in CLAUSES and found[at - 1] != "."
        if opening or (token == "," and not depth):
            if clause:
                steps.append((clause, found[start:at]))
            clause, start = (token.lower() if opening else clause), at + 1
        depth += (token == "(") - (token == ")")
    return steps


@lru_cache(maxsize=2048)
def key_condition(text: str) -> tuple[Term, ...] | None:
    """Return the terms of a key condition; None when it is not a plain conjunction of them."""
    found = tokens(text)
    if found is None or {"or", "not"} & {t.lower() for t in found}:
        return None
    # Why parentheses may go: only AND stands between terms, and a function's name tells its own.
    flat = [t for t in found if t not in {"(", ")", ","}]
    terms: list[Term] = []
    while flat:
        if flat[0].lower() == "begins_with" and len(flat) >= 3:
            terms.append(Term(flat[1], "begins_with", flat[2]))
            del flat[:3]
        elif len(flat) >= 5 and flat[1].lower() == "between" and flat[3].lower() == "and":
            terms.append(Term(flat[0], "between", flat[2]))
            del flat[:5]
        elif len(flat) >= 3 and flat[1] in {"=", "<", "<=", ">", ">="}:
            terms.append(Term(flat[0], flat[1], flat[2]))
            del flat[:3]
        else:
            return None
        if flat and flat.pop(0).lower() != "and":
            return None
    return tuple(terms)


def resolve(roots: Attributes, names: Mapping[str, Any]) -> Attributes:
    """Return attributes with `#n` replaced by what the request says; None when it does not say."""
    if roots is None:
        return None
    resolved = [names.get(r) if r[0] == "#" else r for r in roots]
    return None if None in resolved else frozenset(r for r in resolved if r is not None)


def union(*sets: Attributes) -> Attributes:
    """Return all attributes of all `sets`."""
    found: frozenset[str] = NOTHING
    for each in sets:
        if each is None:
            return None
        found |= each
    return found
