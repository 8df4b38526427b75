"""Text of strangers made safe to show: on a terminal, in a CI log, within a line of ours.

Knows which characters and beginnings of lines do more than they show. Does not know who said it.
"""

from __future__ import annotations

import json
import re

UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    r"\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""C0 and C1 controls (escape sequences start with one), line and paragraph separators, bidirectional
overrides, whatever has no width (Unicode's Default_Ignorable_Code_Point), and lone surrogates."""

COMMAND = re.compile(r"^(\s*)::")
"""A line that starts so is a workflow command to GitHub's runner and its kin."""

ANYWHERE = re.compile(r"##(?=vso\[|teamcity\[|\[)", re.IGNORECASE)
"""Commands that runners look for behind whatever a line starts with: Azure Pipelines, TeamCity, and GitHub's
older form."""


def plain(text: str, limit: int = 0) -> str:
    """Return text as one line in which nothing acts on a terminal or a CI runner.

    `limit` cuts it to that many characters, 0 does not. Doing it twice changes nothing more.
    """
    if limit:
        text = text[: limit + 1]  # Why first: what is not shown need not be escaped
    shown = UNSAFE.sub(lambda m: _escape(m.group()), text)
    shown = COMMAND.sub(r"\1\\::", ANYWHERE.sub(r"#\\#", shown))
    return shown if not limit or len(shown) <= limit else shown[: limit - 1] + "…"


def lines(text: str) -> str:
    """Return text of ours, in which strangers may have had a word: its own line ends and tabs stay."""
    return "\n".join("\t".join(map(plain, line.split("\t"))) for line in text.split("\n"))


def in_json(text: str) -> str:
    """Return a JSON text as one line that is the same value, and in which nothing acts on what shows it.

    Spec RFC 8259 §7: no control character stands within a string, so one that is there is space between
    values; everything else that is escaped stands within one.
    """
    spaced = text.translate({0x09: " ", 0x0A: " ", 0x0D: " "}).strip(" ")
    return ANYWHERE.sub(r"#\\u0023", UNSAFE.sub(lambda m: json.dumps(m.group())[1:-1], spaced))


def _escape(char: str) -> str:
    code = ord(char)
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )
