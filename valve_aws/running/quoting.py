"""The line of the operator's own files that a function names as where a call was made.

Knows where a function's code lies. Believes nothing: what it does not find it shows as it was said.
"""

from __future__ import annotations

from dataclasses import dataclass

from valve_aws.model.call import Evidence
from valve_aws.model.stack import Stack

LARGEST = 4 << 20
"""Bytes of a source file that is looked into."""


@dataclass(frozen=True, slots=True)
class Quoting:
    """The files of one stack."""

    stack: Stack

    def quote(self, function: str, file: str, line: int) -> Evidence:
        """Return the place among the operator's files that a function names, with its text if it is there."""
        folder = self.stack.functions[function].code.folder
        if folder is None or not file.startswith("/var/task/"):
            return Evidence(file, line)
        try:
            path = (folder / file.removeprefix("/var/task/")).resolve()
            mine = path.is_relative_to(folder.resolve()) and path.is_file()
            if not mine or path.stat().st_size > LARGEST:
                return Evidence(file, line)
        except (OSError, ValueError):  # Why: the name is the function's; no file can have one like it
            return Evidence(file, line)
        base = self.stack.folder.resolve()
        shown = str(path.relative_to(base)) if path.is_relative_to(base) else str(path)
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        return Evidence(shown, line, lines[line - 1].strip() if 0 < line <= len(lines) else "")
