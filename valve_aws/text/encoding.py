"""Bytes as the text that they must be: UTF-8, of bounded length, without control characters.

Knows encodings and where an offset stands in a text. Does not know any syntax.
"""

from __future__ import annotations

import re

from valve_aws.model.source import Invalid, Where

MARKS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
"""Byte order marks of the encodings that are not read (Unicode §23.8), longest first."""

UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""What neither JSON (RFC 8259 §7) nor YAML (1.1 §4.1.1) lets stand in a text unescaped."""


def place(file: str, text: str, offset: int) -> Where:
    """Return line and column, from 1, of a character of `text`."""
    return Where(file, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def decode(content: str | bytes, file: str, limit: int) -> str:
    """Return `content` as text, without a byte order mark; `limit` is in bytes of UTF-8.

    Raises Invalid for another encoding, for a control character, and for more than `limit`.
    """
    if len(content) > limit:
        raise Invalid(Where(file), f"longer than {limit:,} bytes", "leave out what is not needed")
    text = content if isinstance(content, str) else _utf8(content, file)
    text = text.removeprefix("\ufeff")
    bad = UNPRINTABLE.search(text)
    if bad:
        raise Invalid(
            place(file, text, bad.start()),
            f"a control character (U+{ord(bad.group()):04X})",
            "remove it, or write it as an escape",
        )
    if not text.isascii():
        _whole(text, file)
    return text


def _utf8(content: bytes, file: str) -> str:
    for mark, name in MARKS:
        if content.startswith(mark):
            raise Invalid(Where(file, 1, 1), f"encoded as {name}", "save it as UTF-8")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as e:
        before = content[: e.start].decode("utf-8", "replace")
        raise Invalid(
            place(file, before, len(before)),
            f"byte 0x{content[e.start]:02x} is not UTF-8",
            "save it as UTF-8",
        ) from None


def _whole(text: str, file: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as e:
        raise Invalid(place(file, text, e.start), "half of a surrogate pair", "save it as UTF-8") from None
