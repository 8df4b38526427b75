"""Text that is safe to show, and short names for long ones.

Knows terminals and CI logs as places where text can do harm. Does not know records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")
"""C0 and C1 controls, bidirectional overrides, invisible characters and lone surrogates."""

COMMAND = re.compile(r"^(\s*)(::|##\[|##vso\[)")
"""Workflow commands of CI systems: a line that starts so is obeyed by the runner."""


def plain(text: str, limit: int = 0) -> str:
    """Return one line of text that came from a function as it may be shown: nothing in it acts on a
    terminal or a CI runner.

    `limit` cuts it to that many characters, 0 does not.
    """
    shown = UNSAFE.sub(lambda m: _escape(m.group()), text)
    shown = COMMAND.sub(lambda m: f"{m.group(1)}\\{m.group(2)}", shown)
    return shown if not limit or len(shown) <= limit else shown[: limit - 1] + "…"


def _escape(char: str) -> str:
    code = ord(char)
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char) or (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    )


def tags(label: Iterable[str], most: int = 4) -> str:
    """Return a label in words, the first few tags in order."""
    names = sorted(label)
    if not names:
        return "nothing"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(plain(name, 60) for name in names[:most]) + more


def short(arn: str) -> str:
    """Return the telling end of an ARN: the bucket, queue, table or function; other text as it is."""
    if not arn.startswith("arn:"):
        return plain(arn, 100)
    _, _, service, _, _, rest = (arn.split(":", 5) + [""] * 6)[:6]
    if rest == "*":
        return f"all of {plain(service, 40)}"
    for kind in ("table/", "function:", "secret:", "parameter/", "stream/", "event-bus/", "log-group:"):
        rest = rest.removeprefix(kind)
    return plain(rest, 100)
