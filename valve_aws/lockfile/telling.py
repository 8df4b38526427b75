"""A difference as people read it: a line of diff for each use, its line of source below it.

Knows the words. Does not know what follows from them.
"""

from __future__ import annotations

from collections.abc import Mapping

from valve_aws.lockfile.difference import Difference
from valve_aws.lockfile.use import Seen, Use
from valve_aws.model.safe import plain
from valve_aws.model.source import Where

MOST = 50
"""Lines of one kind that are shown; a function that counts up names is told of once all the same."""


def told(found: Difference, seen: Mapping[Use, Seen], file: str, remedy: str) -> str:
    """Return the difference as text, "" for none. `remedy` says how new uses are taken in."""
    if not (found.new or found.gone):
        return ""
    gone = f", {len(found.gone)} gone" if found.gone else ""
    lines = [f"{plain(file)}: {_count(len(found.new))} new{gone}"]
    for use in found.new[:MOST]:
        lines.append(f"  + {plain(str(use), 300)}")
        if use in seen:
            lines.append(f"      {_called(seen[use])}")
    lines += _rest(len(found.new), "new")
    for entry in found.gone[:MOST]:
        where = Where(file, entry.where.line, entry.where.column)
        lines.append(f"  - {plain(str(entry.use), 300)}    {plain(str(where))}")
    lines += _rest(len(found.gone), "gone")
    if found.new:
        lines.append(f"  is it meant? {remedy}")
    return "\n".join(lines)


def _count(number: int) -> str:
    return "nothing" if number == 0 else "1 use is" if number == 1 else f"{number} uses are"


def _rest(number: int, what: str) -> list[str]:
    return [f"  … {number - MOST} more {what}"] if number > MOST else []


def _called(seen: Seen) -> str:
    evidence = seen.evidence
    if not evidence.file:
        return f"called by no line that was told of    {plain(seen.record, 40)}"
    place = f"{plain(evidence.file.removeprefix('/var/task/'), 120)}:{evidence.line}"
    return f"called {place}  {plain(evidence.text.strip(), 80)}    {plain(seen.record, 40)}"
