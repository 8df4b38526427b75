"""What is new in what code uses, and what is gone, against a file.

Knows when a line covers a use. Does not know how either is shown.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from valve_aws.lockfile.reading import Entry, Lock
from valve_aws.lockfile.use import Use
from valve_aws.model.pattern import unify


@dataclass(frozen=True, slots=True)
class Difference:
    """`new` uses no line covers; `gone` lines cover none."""

    new: tuple[Use, ...] = ()
    gone: tuple[Entry, ...] = ()


def compare(used: Collection[Use], lock: Lock) -> Difference:
    """Compare what is used with a file. Neither's order means anything."""
    by_text: dict[Use, Entry] = {}
    wide: dict[tuple[str, str], list[Entry]] = {}
    for entry in lock.entries:
        by_text.setdefault(entry.use, entry)
        if any("*" in text or "{" in text for text in entry.use[2:]):
            wide.setdefault(entry.use[:2], []).append(entry)
    needed: set[Use] = set()
    new = []
    for use in used:
        covering = [by_text[use]] if use in by_text else []
        covering += [entry for entry in wide.get(use[:2], ()) if covers(entry.use, use)]
        needed |= {entry.use for entry in covering}
        if not covering:
            new.append(use)
    gone = (entry for entry in by_text.values() if entry.use not in needed)
    return Difference(tuple(sorted(new)), tuple(sorted(gone, key=lambda entry: entry.use)))


def covers(line: Use, use: Use) -> bool:
    """Say whether a line stands for a use of the same function and operation: whether its patterns fit."""
    pairs = zip(line[2:], use[2:], strict=True)
    return all(unify(pattern, text) is not None for pattern, text in pairs)
