"""The way a tag came: from where it began, call by call, to the crossing in question.

Knows how records point at one another. Does not know the book; records alone are enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from valve_aws.model.cell import Cell
from valve_aws.model.record import Record
from valve_aws.model.source import NOWHERE, Where
from valve_aws.model.verdict import Way

LONGEST = 64
"""Steps. A way longer than that is a loop between functions; its beginning is what matters."""


@dataclass(frozen=True, slots=True)
class Step:
    """One station of a tag's way: a cell or policy line it began at, or a crossing that carried it on."""

    record: Record | None
    cell: Cell | None
    where: Where


def trace(records: Sequence[Record], ident: str, tag: str) -> tuple[Step, ...]:
    """Return the way of `tag` to the record `ident`, its beginning first. Empty when no such record is
    known."""
    first = {r.ident: r for r in reversed(records) if r.verdict != "settled"}
    steps: list[Step] = []
    record = first.get(ident)
    while record is not None and len(steps) < LONGEST:
        steps.append(Step(record, None, NOWHERE))
        came = _entered(records, record, tag)
        if came is None:
            break
        entry, way = came
        if entry.ident != record.ident:
            steps.append(Step(entry, None, NOWHERE))
        if not way.record or way.record not in first:
            steps.append(Step(None, way.cell, way.where))
            break
        record = first[way.record] if way.record not in _idents(steps) else None
    return tuple(reversed(steps))


def _entered(records: Sequence[Record], record: Record, tag: str) -> tuple[Record, Way] | None:
    """Return the crossing by which `tag` came into the environment of `record`, and how it came there."""
    mine: Mapping[str, Way] = {w.tag: w for w in record.ways}
    for earlier in records:
        if earlier.environment == record.environment and tag in earlier.joined:
            way = next((w for w in earlier.ways if w.tag == tag), mine.get(tag))
            return (earlier, way) if way else None
        if earlier.ident == record.ident:
            break
    return (record, mine[tag]) if tag in mine else None


def _idents(steps: Sequence[Step]) -> set[str]:
    return {step.record.ident for step in steps if step.record}
