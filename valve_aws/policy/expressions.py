"""The shapes of what may leave a labelled log line: a small part of regular expressions, read, written anew.

Knows which expressions are quick on hostile text and how much they let through. Does not match anything.

A shape is a sequence of characters, classes and groups of alternatives, each at most repeated within bounds.
What is handed on is not the user's text but what was understood of it.
"""

from __future__ import annotations

import math
import re
import string
from dataclasses import dataclass

from valve_aws.model.source import Invalid, Where
from valve_aws.policy.shape import shown

LONGEST = 256
"""Characters that one value may have."""

STEPS = 1000
"""Ways in which one place of a line may be tried: with the length of a line it bounds what a hostile one
costs."""

DEPTH = 4
"""Groups within groups."""

EXAMPLE = "write such as `ORD-[0-9]{1,9}` or `[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`"

DIGITS = frozenset(string.digits)
WORDS = frozenset(string.ascii_letters + string.digits + "_")
SETS = {"d": DIGITS, "w": WORDS}
"""`\\d` and `\\w`, of ASCII alone."""

PRINTABLE = frozenset(map(chr, range(0x20, 0x7F)))
REPEAT = re.compile(r"\{([0-9]{1,4})(?:(,)([0-9]{0,4}))?\}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Piece:
    """What was understood of a part of a shape."""

    text: str
    """As a regular expression."""
    first: frozenset[str]
    """Characters that it may begin with."""
    least: int
    most: int
    """Characters that it may have."""
    ways: int = 1
    """In how many ways it may match at one place."""
    bits: float = 0.0
    """Logarithm of how many texts it may be."""
    chars: frozenset[str] = frozenset()
    """The characters that it repeats a varying number of times, if it is nothing but that."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A shape as it is handed on."""

    text: str
    bits: float
    """What a value of this shape can carry."""


def read(text: str, where: Where) -> Expression:
    """Return the shape that `text` is. Raises Invalid for what is no shape, slow, or lets anything go."""
    reading = _Reading(text, where)
    whole = reading.alternatives(0)
    if reading.at < len(text):
        raise reading.refuse(f"`{text[reading.at]}` closes nothing", EXAMPLE)
    if whole.least == 0:
        raise reading.refuse(
            "it may be empty", "say that something must be there: `{1,9}` in place of `{0,9}`"
        )
    return Expression(whole.text, whole.bits)


class _Reading:
    """One shape while it is read."""

    def __init__(self, text: str, where: Where) -> None:
        self.text, self.where, self.at = text, where, 0

    def refuse(self, problem: str, remedy: str) -> Invalid:
        return Invalid(self.where, f"the shape {shown(self.text)}: {problem}", remedy)

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def alternatives(self, depth: int) -> Piece:
        """Read what `|` separates, up to the end or a closing parenthesis."""
        if depth > DEPTH:
            raise self.refuse("its groups are nested too deeply", EXAMPLE)
        found = [self.sequence(depth)]
        while self.peek() == "|":
            self.at += 1
            found.append(self.sequence(depth))
        if len(found) == 1:
            return found[0]
        piece = Piece(
            "|".join(p.text for p in found),
            frozenset().union(*(p.first for p in found)),
            min(p.least for p in found),
            max(p.most for p in found),
            sum(p.ways for p in found),
            max(p.bits for p in found) + math.log2(len(found)),
        )
        return self.bounded(piece)

    def sequence(self, depth: int) -> Piece:
        """Read parts up to `|`, `)` or the end."""
        parts: list[Piece] = []
        while self.peek() not in {"", "|", ")"}:
            parts.append(self.repeated(self.part(depth)))
        first: frozenset[str] = frozenset()
        for part in parts:
            first |= part.first
            if part.least:
                break
        return self.bounded(
            Piece(
                "".join(p.text for p in parts),
                first,
                sum(p.least for p in parts),
                sum(p.most for p in parts),
                self.ways(parts),
                sum(p.bits for p in parts),
                parts[0].chars if len(parts) == 1 else frozenset(),
            )
        )

    @staticmethod
    def ways(parts: list[Piece]) -> int:
        """Count how often what follows may be tried.

        A repeat adds where its follower cannot begin with what it repeats; any other multiplies.
        """
        found = 1
        for at in range(len(parts) - 1, -1, -1):
            part = parts[at]
            after = parts[at + 1] if at + 1 < len(parts) else None
            apart = part.chars and after is not None and after.least and not part.chars & after.first
            found = found + part.ways if apart else found * part.ways
        return found

    def bounded(self, piece: Piece) -> Piece:
        if piece.most > LONGEST:
            raise self.refuse(
                f"it may be longer than {LONGEST} characters", "say how long each part may be at most"
            )
        if piece.ways > STEPS:
            raise self.refuse(
                "there are too many ways to read it, so a long line could take very long",
                "put a fixed character between repeats, and repeat no group of repeats",
            )
        return piece

    def part(self, depth: int) -> Piece:
        """Read one character, class or group, without its repeat."""
        char = self.peek()
        self.at += 1
        match char:
            case "(":
                return self.group(depth)
            case "[":
                return self.members()
            case "\\":
                return self.escaped()
            case ".":
                raise self.refuse(
                    "`.` lets anything go", "name the characters: `[a-z0-9]`; a dot itself is `\\.`"
                )
            case "*" | "+" | "?" | "{":
                raise self.refuse(f"`{char}` repeats nothing that could be repeated", EXAMPLE)
            case "^" | "$":
                raise self.refuse(
                    f"`{char}` is not needed",
                    "a shape is always matched whole; the character itself is written with `\\` before it",
                )
            case "]" | "}":
                raise self.refuse(
                    f"`{char}` closes nothing", "the character itself is written with `\\` before it"
                )
        return self.literal(char)

    def literal(self, char: str) -> Piece:
        if not char.isprintable():
            raise self.refuse("it holds a character that cannot be shown", "leave it out")
        return Piece(re.escape(char), frozenset(char), 1, 1)

    def escaped(self) -> Piece:
        char = self.peek()
        self.at += 1
        if char in SETS:
            return self.one(SETS[char])
        if not char or char.isalnum():
            raise self.refuse(
                f"`\\{char}` is not known in shapes",
                "use characters, `[...]`, `\\d`, `\\w` and bounded repeats",
            )
        return self.literal(char)

    def one(self, chars: frozenset[str]) -> Piece:
        if chars >= PRINTABLE:
            raise self.refuse(
                "a class of every character lets anything go", "name the characters: `[a-z0-9]`"
            )
        return Piece(_class(chars), chars, 1, 1, 1, math.log2(len(chars)))

    def group(self, depth: int) -> Piece:
        if self.text.startswith("?:", self.at):
            self.at += 2
        elif self.peek() == "?":
            raise self.refuse(
                "`(?` asks for more than a shape has",
                "groups are `(...)`, without look-around, names or flags",
            )
        inner = self.alternatives(depth + 1)
        if self.peek() != ")":
            raise self.refuse("a group is not closed", EXAMPLE)
        self.at += 1
        return Piece(f"(?:{inner.text})", inner.first, inner.least, inner.most, inner.ways, inner.bits)

    def members(self) -> Piece:
        """Read a class of characters after its bracket."""
        if self.peek() == "^":
            raise self.refuse(
                "a class of all others lets anything go", "name the characters that may go: `[a-z0-9]`"
            )
        chars: set[str] = set()
        while self.peek() != "]":
            low = self.member()
            if len(low) == 1 and self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in {"]", ""}:
                self.at += 1
                (start,), high = low, self.member()
                if len(high) != 1 or not start <= (end := next(iter(high))):
                    raise self.refuse("a range of a class goes backwards", "write `[a-z]`")
                chars.update(map(chr, range(ord(start), ord(end) + 1)))
            else:
                chars |= low
        self.at += 1
        if not chars:
            raise self.refuse("a class is empty", "name the characters: `[a-z0-9]`")
        return self.one(frozenset(chars))

    def member(self) -> frozenset[str]:
        char = self.peek()
        self.at += 1
        if char == "\\":
            char = self.peek()
            self.at += 1
            if char in SETS:
                return SETS[char]
            if char.isalnum():
                raise self.refuse(
                    f"`\\{char}` is not known in shapes", "use characters, ranges, `\\d` and `\\w`"
                )
        if char not in PRINTABLE:
            raise self.refuse("a class is not closed, or holds more than ASCII", "write `[a-z0-9]`")
        return frozenset(char)

    def repeated(self, piece: Piece) -> Piece:
        """Read the repeat after a part, if there is one."""
        char = self.peek()
        if char in {"*", "+"}:
            raise self.refuse(f"`{char}` has no end", "say how often at most: `{1,9}`")
        low, high, text = 1, 1, ""
        if char == "?":
            low, text, self.at = 0, "?", self.at + 1
        elif char == "{":
            m = REPEAT.match(self.text, self.at)
            if m is None or (m[2] and not m[3]):
                raise self.refuse("a repeat says no end", "say how often at most: `{1,9}`")
            low, high = int(m[1]), int(m[3] or m[1])
            text, self.at = f"{{{low},{high}}}" if low != high else f"{{{low}}}", m.end()
        if not text:
            return piece
        if low > high or high == 0:
            raise self.refuse("a repeat ends before it begins", "write the smaller number first")
        if self.peek() in {"?", "+", "*", "{"}:
            raise self.refuse("a repeat is repeated", "one repeat a part; put a group around it if need be")
        return self.times(piece, low, high, text)

    def times(self, piece: Piece, low: int, high: int, text: str) -> Piece:
        """Return a part repeated within bounds."""
        single = piece.most == 1 and piece.ways == 1
        if piece.ways == 1:
            ways = high - low + 1
        else:
            ways = min(sum(min(piece.ways, STEPS + 1) ** n for n in range(low, min(high, 12) + 1)), STEPS + 1)
            ways = STEPS + 1 if high > 12 else ways
        spread = math.log2(high - low + 1)
        return self.bounded(
            Piece(
                piece.text + text,
                piece.first,
                piece.least * low,
                piece.most * high,
                ways,
                piece.bits * high + spread,
                piece.first if single and low != high else frozenset(),
            )
        )


def _class(chars: frozenset[str]) -> str:
    """Return a class of characters as a regular expression, in ranges."""
    found: list[str] = []
    codes = sorted(map(ord, chars))
    start = before = codes[0]
    for code in [*codes[1:], -1]:
        if code == before + 1:
            before = code
            continue
        ends = [re.escape(chr(start)), re.escape(chr(before))]
        found.append(ends[0] if start == before else "-".join(ends) if before > start + 1 else "".join(ends))
        start = before = code
    return f"[{''.join(found)}]"
