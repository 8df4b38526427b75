"""JSON (RFC 8259), read strictly, with the position of every value and key.

Knows JSON alone. Does not know what it is used for.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import Any

from valve_aws.model.source import Invalid, Node, Where
from valve_aws.text.encoding import place

DEPTH = 100
"""Levels of nesting; real templates stay under 30."""

NODES = 1_000_000
"""Values in one text."""

DIGITS = 400
"""Longest number read as one: beyond it a float is infinite anyway."""

BLANK = re.compile(r"[ \t\n\r]*")
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
WORD = re.compile(r"true|false|null")


def read(text: str, file: str, last: bool = False) -> Node:
    """Return the one value of `text` with positions; with `last` a key may come again. Raises Invalid."""
    return Reading(text, file, last).whole()


class Reading:
    """One text while it is read."""

    def __init__(self, text: str, file: str, last: bool = False) -> None:
        self.text = text
        self.file = file
        self.last = last
        self.starts = [0, *(m.end() for m in re.finditer("\n", text))]
        self.nodes = 0

    def where(self, at: int) -> Where:
        """Return the place of a character."""
        line = bisect_right(self.starts, at)
        return Where(self.file, line, at - self.starts[line - 1] + 1)

    def refuse(self, at: int, problem: str, remedy: str = "") -> Invalid:
        """Return the mistake that stands at a character."""
        return Invalid(self.where(at), problem, remedy or "mend the JSON there")

    def blank(self, at: int) -> int:
        """Return where the next token starts."""
        match = BLANK.match(self.text, at)
        return match.end() if match else at

    def whole(self) -> Node:
        """Read the text to its end."""
        at = self.blank(0)
        if at == len(self.text):
            return Node(None, Where(self.file, 1, 1))
        node, at = self.value(at, 1)
        at = self.blank(at)
        if at < len(self.text):
            raise self.refuse(at, f"{self.found(at)} after the end of the value", "one file holds one value")
        return node

    def found(self, at: int) -> str:
        """Say what stands at a character."""
        return f"`{self.text[at]}`" if at < len(self.text) else "the end of the text"

    def value(self, at: int, depth: int) -> tuple[Node, int]:
        """Read one value; return it and where it ends."""
        self.nodes += 1
        if depth > DEPTH or self.nodes > NODES:
            much = f"nested deeper than {DEPTH} levels" if depth > DEPTH else f"more than {NODES:,} values"
            raise self.refuse(at, much)
        where = self.where(at)
        first = self.text[at : at + 1]
        if first == '"':
            string, at = self.string(at)
            return Node(string, where), at
        if first == "{":
            return self.members(at, where, depth)
        if first == "[":
            return self.elements(at, where, depth)
        word = WORD.match(self.text, at)
        if word:
            return Node(WORDS[word.group()], where), word.end()
        number = NUMBER.match(self.text, at)
        if number:
            return Node(self.number(number, at), where), number.end()
        raise self.refuse(at, f"{self.found(at)} where a value was expected")

    def string(self, at: int) -> tuple[str, int]:
        """Read a string whose quote stands at `at`."""
        try:
            value, end = scanstring(self.text, at + 1, True)
        except json.JSONDecodeError as e:
            raise self.refuse(e.pos, _lower(e.msg)) from None
        if not value.isascii():
            try:
                value.encode("utf-8")
            except UnicodeEncodeError:
                raise self.refuse(at, "a string with half of a surrogate pair", "write both halves") from None
        return value, end

    def number(self, match: re.Match[str], at: int) -> int | float:
        """Return the number that was matched."""
        if match.end() - match.start() > DIGITS:
            raise self.refuse(at, f"a number of more than {DIGITS} digits", "write it as a string")
        return float(match.group()) if match.group(1) or match.group(2) else int(match.group())

    def members(self, at: int, where: Where, depth: int) -> tuple[Node, int]:
        """Read an object whose brace stands at `at`."""
        values: dict[str, Node] = {}
        keys: dict[str, Where] = {}
        repeated: list[tuple[str, Where, Where]] = []
        at = self.blank(at + 1)
        if self.text[at : at + 1] == "}":
            return Node(values, where, "", keys), at + 1
        while True:
            if self.text[at : at + 1] != '"':
                raise self.refuse(at, f"{self.found(at)} where a key in double quotes was expected")
            start = at
            key, at = self.string(at)
            if key in keys:
                if not self.last:
                    raise self.refuse(start, f"`{key}` is written twice, first at {keys[key]}", "keep one")
                repeated.append((key, keys[key], self.where(start)))
            keys[key] = self.where(start)
            at = self.blank(at)
            if self.text[at : at + 1] != ":":
                raise self.refuse(at, f"{self.found(at)} where `:` was expected after the key `{key}`")
            values[key], at = self.value(self.blank(at + 1), depth + 1)
            at, done = self.following(at, "}")
            if done:
                return Node(values, where, "", keys, tuple(repeated)), at

    def elements(self, at: int, where: Where, depth: int) -> tuple[Node, int]:
        """Read an array whose bracket stands at `at`."""
        values: list[Node] = []
        at = self.blank(at + 1)
        if self.text[at : at + 1] == "]":
            return Node(values, where), at + 1
        while True:
            value, at = self.value(at, depth + 1)
            values.append(value)
            at, done = self.following(at, "]")
            if done:
                return Node(values, where), at

    def following(self, at: int, close: str) -> tuple[int, bool]:
        """Pass the comma, or the bracket that closes; say which it was."""
        at = self.blank(at)
        mark = self.text[at : at + 1]
        if mark == close:
            return at + 1, True
        if mark != ",":
            raise self.refuse(at, f"{self.found(at)} where `,` or `{close}` was expected")
        return self.blank(at + 1), False


def plain(text: str, file: str) -> Any:
    """Return the one value of `text` without positions; stricter than `json.loads`. Raises Invalid."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise _Twice
        return found

    if SURROGATE.search(text):
        return read(text, file).plain()
    try:
        return json.loads(text, object_pairs_hook=members, parse_constant=_refuse_word)
    except json.JSONDecodeError as e:
        read(text, file)  # Why: it says the same in better words; all that it takes is nothing at all
        raise Invalid(
            place(file, text, e.pos), "there is nothing here", "write `{}` for an empty value"
        ) from None
    except (_Twice, ValueError, RecursionError):
        # Why: these come without a place; the slow reader finds it.
        return read(text, file).plain()


class _Twice(Exception):
    """A key is written twice."""


def _refuse_word(word: str) -> Any:
    raise ValueError(word)


def _lower(message: str) -> str:
    return (message[:1].lower() + message[1:]).removesuffix(" at")
