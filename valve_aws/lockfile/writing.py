"""The file's text, written so that two runs of the same code give the same bytes.

Knows order and comments. Does not know where it is kept.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby

from valve_aws.lockfile.difference import compare
from valve_aws.lockfile.reading import VERSION, Entry, Lock
from valve_aws.lockfile.use import Use
from valve_aws.model.source import NOWHERE

HEAD = (
    "# What the functions of this template use: function, operation, resource, host. Keep it in git.",
    "# A line more is a way more to talk: read it before it goes in. `*` is any text; widen a line by hand.",
)


def renewed(lock: Lock, used: Collection[Use], keep: bool = True) -> Lock:
    """Return the file with all that is used: what no line covers is added; without `keep` what nothing uses
    goes."""
    found = compare(used, lock)
    gone = frozenset() if keep else {entry.use for entry in found.gone}
    entries = {entry.use: entry for entry in reversed(lock.entries) if entry.use not in gone}
    entries |= {use: Entry(use, NOWHERE) for use in found.new}
    return Lock(tuple(entries.values()), lock.head or HEAD, lock.foot)


def written(lock: Lock) -> str:
    """Return the text of a file: sorted, a blank line between functions, comments above their lines."""
    lines = [*lock.head, VERSION]
    ordered = sorted(lock.entries, key=lambda entry: entry.use)
    for _, group in groupby(ordered, key=lambda entry: entry.use.function):
        lines.append("")
        for entry in group:
            lines += [*entry.comments, str(entry.use)]
    if lock.foot:
        lines += ["", *lock.foot]
    return "\n".join(lines) + "\n"
