"""Bytes of a log stream turned into lines.

Knows line ends and the longest line. Does not know where bytes come from.
"""

from __future__ import annotations

import re

LONGEST = 256 * 1024
"""Bytes of one log line; what is longer becomes several (CloudWatch Logs: 256 KB for one event)."""

CLIENT = re.compile(r"\[ERROR\] |[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{12}Z\t[^\t]*\t[A-Z]{4,5}\t")
"""How messages begin that AWS's runtime clients write: of Python an error, of Node all that goes to its
console."""


def parted(line: str) -> str:
    """Return a message of AWS's clients with the ends of its own lines.

    Why: where they write to a pipe, they put carriage returns there, so that it stays one message; to Lambda
    they hand it over whole. What a function itself prints has its own, as it has on AWS.
    """
    return line.replace("\r", "\n") if CLIENT.match(line) else line


class Lines:
    """One stream. Feed it bytes, get whole lines; UTF-8, with what is not shown as U+FFFD."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines that `chunk` completes, without their ends."""
        self._rest += chunk
        *whole, rest = bytes(self._rest).split(b"\n")
        lines = [piece for line in whole for piece in self._pieces(line)]
        while len(rest) > self._longest:
            cut = self._cut(rest)
            lines.append(rest[:cut].decode("utf-8", "replace"))
            rest = rest[cut:]
        self._rest = bytearray(rest)
        return lines

    def flush(self) -> list[str]:
        """Return what was written without a line's end."""
        rest, self._rest = bytes(self._rest), bytearray()
        return self._pieces(rest) if rest else []

    def _pieces(self, line: bytes) -> list[str]:
        pieces = []
        while len(line) > self._longest:
            cut = self._cut(line)
            pieces.append(line[:cut].decode("utf-8", "replace"))
            line = line[cut:]
        return [*pieces, line.decode("utf-8", "replace")]

    def _cut(self, line: bytes) -> int:
        """Return where to cut so that no character is torn (one has at most three further bytes)."""
        for cut in range(self._longest, max(self._longest - 4, 1), -1):
            if line[cut] & 0xC0 != 0x80:
                return cut
        return self._longest
