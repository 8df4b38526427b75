"""Words written as YAML that reads back as the same words, whatever they hold.

Knows YAML 1.1's plain and double-quoted scalars. Does not know what is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""What YAML 1.1 takes for something else than text, in any case."""

ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def escaped(text: str) -> str:
    """Return text with everything escaped that cannot be shown, as in a double-quoted scalar."""
    return "".join(ESCAPES.get(c, c) if c.isprintable() or c in ESCAPES else _code(c) for c in text)


def _code(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def scalar(text: str) -> str:
    """Return a word as it stands in YAML: plain where that is certain, else in double quotes."""
    return text if PLAIN.fullmatch(text) and text.lower() not in WORDS else f'"{escaped(text)}"'


def flow(words: Iterable[str]) -> str:
    """Return words as a list in brackets."""
    return "[" + ", ".join(map(scalar, words)) + "]"


def remark(text: str, most: int = 160) -> str:
    """Return text for the rest of a line after `#`."""
    line = "".join(c if c.isprintable() else _code(c) for c in text)
    return line if len(line) <= most else line[: most - 1] + "…"
