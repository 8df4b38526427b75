"""PartiQL statements as far as the judgement needs them: which items of which table, which attributes.

Knows SELECT, INSERT, UPDATE and DELETE on one table. Does not guess: what it cannot place consults the whole
table, and a statement whose table it cannot tell is refused.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from valve_aws.aws import names
from valve_aws.aws.rows.expression import NOTHING, Attributes, union
from valve_aws.aws.rows.items import SILENT, Read, Write
from valve_aws.aws.rows.row import Asked
from valve_aws.model.cell import Span
from valve_aws.model.stack import KeySchema

TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<quoted>"(?:[^"]|"")*")|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"""
    r"""|(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+)|(?P<mark>\?)"""
    r"""|(?P<sign><<|>>|<>|!=|<=|>=|[=<>+*/%(),.\[\]{}:]|-(?!-)))\s*""",
    re.ASCII,
)

WORDS = frozenset(
    {
        "AND",
        "OR",
        "NOT",
        "BETWEEN",
        "IN",
        "IS",
        "MISSING",
        "NULL",
        "TRUE",
        "FALSE",
        "ORDER",
        "BY",
        "ASC",
        "DESC",
        "WHERE",
        "FROM",
        "SELECT",
        "SET",
        "REMOVE",
        "RETURNING",
        "ALL",
        "MODIFIED",
        "OLD",
        "NEW",
        "VALUE",
    }
)
READ_ALIKE = re.compile(
    r"(?i)\b(?:SELECT|FROM|INTO|UPDATE|INSERT|DELETE|WHERE|SET|REMOVE|RETURNING|VALUE|AND)\b"
)
"""What a text in quotes may not hold: not every backend's parser tells quotes from clauses. `?` takes any
text.
"""
TWICE = frozenset({"SELECT", "FROM", "INTO", "UPDATE", "INSERT", "DELETE", "JOIN", "UNION", "UNPIVOT"})


@dataclass(frozen=True, slots=True)
class Token:
    """One token: `kind` is a group of `TOKEN`; `mark` is the number of a `?`."""

    kind: str
    text: str
    mark: int = -1

    def word(self) -> str:
        """Return a bare word in upper case, else ""."""
        return self.text.upper() if self.kind == "word" else ""

    def name(self) -> str | None:
        """Return an identifier's name, None for what is none."""
        if self.kind == "quoted":
            return self.text[1:-1].replace('""', '"')
        return self.text if self.kind == "word" else None


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement cut at its clauses."""

    verb: str
    table: str
    index: str
    head: tuple[Token, ...]
    """What SELECT shows, what INSERT puts, what UPDATE sets."""
    where: tuple[Token, ...]
    returning: bool


def touched(asked: Asked, statements: Sequence[Mapping[str, Any]]) -> tuple[list[Read], list[Write]]:
    """Return what the statements of one request read and write."""
    reads: list[Read] = []
    writes: list[Write] = []
    for each in statements:
        statement = read(each["Statement"])
        table = names.table(statement.table, asked.place)
        schema = asked.tables(table)
        values = each.get("Parameters") or ()
        if statement.verb == "SELECT":
            reads.append(_select(statement, table, schema, values))
            continue
        written = _written(statement, table, schema, values)
        if each.get("ReturnValuesOnConditionCheckFailure") not in SILENT:
            written = Write(table, written.name, written.kind, written.changed, None, True)
        writes.append(written)
    return reads, writes


@lru_cache(maxsize=1024)
def tokens(text: str) -> tuple[Token, ...]:
    """Return a statement's tokens. Comments and whatever else the grammar does not have are refused."""
    found: list[Token] = []
    at = marks = 0
    while at < len(text):
        m = TOKEN.match(text, at)
        if m is None or m.lastgroup is None:
            raise names.NotCanonical(f"the statement `{text[:200]}` cannot be read at character {at + 1}")
        if m.lastgroup in {"text", "quoted"} and READ_ALIKE.search(m.group()):
            raise names.NotCanonical(
                f"`{m.group()[:80]}` could be read as a clause; hand it over as a parameter"
            )
        mark = -1
        if m.lastgroup == "mark":
            mark, marks = marks, marks + 1
        found.append(Token(m.lastgroup, m.group(m.lastgroup), mark))
        at = m.end()
    return tuple(found)


@lru_cache(maxsize=1024)
def read(text: str) -> Statement:
    """Return the one statement in `text`; refuses what names no table, or may name two."""
    found = list(tokens(text))
    if (
        found
        and found[0].word() == "EXISTS"
        and len(found) > 3
        and found[1].text == "("
        and found[-1].text == ")"
    ):
        found = found[2:-1]
    verb = found[0].word() if found else ""
    starts = {"SELECT": "FROM", "INSERT": "INTO", "UPDATE": "UPDATE", "DELETE": "FROM"}
    words = [t.word() for t in found]
    if verb not in starts or sum(w in TWICE for w in words) != (1 if verb == "UPDATE" else 2):
        raise names.NotCanonical(
            f"the statement `{text[:200]}` is not a SELECT, INSERT, UPDATE or DELETE on one table"
        )
    at = words.index(starts[verb]) + 1
    end = words.index("WHERE") if "WHERE" in words else len(found)
    close = next((n for n, w in enumerate(words) if w in {"RETURNING", "ORDER"} and n > at), len(found))
    table, index, after = _table(found, at, text)
    allowed = {
        "SELECT": ("", "WHERE", "ORDER"),
        "INSERT": ("VALUE",),
        "UPDATE": ("SET", "REMOVE"),
        "DELETE": ("WHERE",),
    }
    if (words[after] if after < len(found) else "") not in allowed[verb] or (
        after < len(found) and not words[after]
    ):
        raise names.NotCanonical(f"the statement `{text[:200]}` goes on in an unknown way after its table")
    head = found[1 : at - 1] if verb == "SELECT" else found[after : min(end, close)]
    where = found[end + 1 : close] if end < close else []
    return Statement(verb, table, index, tuple(head), tuple(where), "RETURNING" in words)


def _table(found: list[Token], at: int, text: str) -> tuple[str, str, int]:
    name = found[at].name() if at < len(found) else None
    if name is None:
        raise names.NotCanonical(f"the statement `{text[:200]}` does not say its table")
    at += 1
    if at + 1 < len(found) and found[at].text == ".":
        index = found[at + 1].name()
        if index is None:
            raise names.NotCanonical(f"the statement `{text[:200]}` does not say its index")
        return name, index, at + 2
    return name, "", at


def _roots(found: Sequence[Token]) -> frozenset[str]:
    """Return the first name of each path."""
    roots = set()
    for at, token in enumerate(found):
        name = token.name()
        called = at + 1 < len(found) and found[at + 1].text == "("
        if name is None or (at and found[at - 1].text == ".") or (called and token.kind == "word"):
            continue
        if token.word() not in WORDS:
            roots.add(name)
    return frozenset(roots)


def _value(token: Token, values: Sequence[Any]) -> Mapping[str, Any] | None:
    """Return the AttributeValue of a literal or a parameter."""
    if token.kind == "text":
        return {"S": token.text[1:-1].replace("''", "'")}
    if token.kind == "number":
        return {"N": token.text}
    if token.kind == "mark" and token.mark < len(values):
        held = values[token.mark]
        return held if isinstance(held, Mapping) else None
    return None


def _equalities(where: Sequence[Token], values: Sequence[Any]) -> dict[str, Mapping[str, Any]]:
    """Return attribute → value of the terms `name = value` that AND joins; nothing when anything else might
    join them.
    """
    if any(t.word() in {"OR", "NOT"} or t.text in {"(", ")"} for t in where):
        return {}
    terms: list[list[Token]] = [[]]
    between = False
    for token in where:
        between = between or token.word() == "BETWEEN"
        if token.word() != "AND" or between:
            terms[-1].append(token)
            between = between and token.word() != "AND"
        else:
            terms.append([])
    found: dict[str, Mapping[str, Any]] = {}
    for term in terms:
        if len(term) == 3 and term[1].text == "=":
            name, value = term[0].name(), _value(term[2], values)
            if name is not None and value is not None:
                found[name] = value
    return found


def _select(statement: Statement, table: str, schema: KeySchema | None, values: Sequence[Any]) -> Read:
    if schema is None:
        return Read(table, Span.ALL, "", None, statement.index)
    simple = all(t.name() is not None or t.text in {",", "."} for t in statement.head)
    keys = frozenset(
        {schema.partition[0], *schema.indexes.get(statement.index, ())}
        | ({schema.sort[0]} if schema.sort else set())
    )
    shown: Attributes = (
        union(_roots(statement.head), _roots(statement.where), keys) if simple and statement.head else None
    )
    equal = _equalities(statement.where, values)
    if schema.partition[0] not in equal:
        return Read(table, Span.ALL, "", shown, statement.index)
    head = names.key_value(equal[schema.partition[0]], schema.partition[1])
    if schema.sort is None:
        return Read(table, Span.ONE, head, shown, statement.index)
    if schema.sort[0] in equal:
        return Read(table, Span.ONE, names.item(equal, schema), shown, statement.index)
    return Read(table, Span.PREFIX, f"{head}/", shown, statement.index)


KINDS = {"INSERT": "put", "UPDATE": "update", "DELETE": "delete"}


def _written(statement: Statement, table: str, schema: KeySchema | None, values: Sequence[Any]) -> Write:
    kind = KINDS[statement.verb]
    if schema is None:
        return Write(table, None, kind, None, None, True)
    if kind == "put":
        return Write(table, names.item(_inserted(statement.head, values), schema), kind, None, NOTHING, True)
    name = names.item(_equalities(statement.where, values), schema)
    tested = _roots(statement.where) - {schema.partition[0], schema.sort[0] if schema.sort else ""}
    changed, computed = _set(statement.head) if kind == "update" else (None, NOTHING)
    return Write(table, name, kind, changed, None if statement.returning else union(tested, computed), True)


def _set(head: Sequence[Token]) -> tuple[Attributes, Attributes]:
    """Return (attributes set, attributes that their values are computed from) of `SET a = b REMOVE c`."""
    changed: set[str] = set()
    computed: set[str] = set()
    depth = 0
    steps: list[list[Token]] = []
    for token in head:
        opening = token.word() in {"SET", "REMOVE"} and not depth
        if opening or (token.text == "," and not depth):
            steps.append([])
            continue
        depth += (token.text in {"(", "[", "{", "<<"}) - (token.text in {")", "]", "}", ">>"})
        steps[-1].append(token)
    for step in steps:
        name = step[0].name() if step else None
        if name is None:
            return None, None
        at = next((n for n, t in enumerate(step) if t.text == "="), len(step))
        changed.add(name)
        computed |= _roots(step[at + 1 :]) | (frozenset({name}) if at > 1 else NOTHING)
    return frozenset(changed), frozenset(computed)


def _inserted(head: Sequence[Token], values: Sequence[Any]) -> dict[str, Mapping[str, Any]]:
    """Return the plain members of `VALUE {'name': value, …}`; refuses one that stands there twice."""
    found: dict[str, Mapping[str, Any]] = {}
    depth = 0
    for at, token in enumerate(head):
        depth += (token.text in {"(", "[", "{", "<<"}) - (token.text in {")", "]", "}", ">>"})
        if depth != 1 or token.text != ":" or at + 1 >= len(head):
            continue
        named, value = head[at - 1], _value(head[at + 1], values)
        name = named.text[1:-1].replace("''", "'") if named.kind == "text" else named.name()
        if name is None or name in found:
            raise names.NotCanonical("the item to insert cannot be read")
        if value is not None:
            found[name] = value
    return found
