"""What the tables of the label book hold of an extent.

Knows which rows a look is about. Does not know who writes them, nor for how long an answer is good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from valve_aws.labels import schema
from valve_aws.labels.tags import collect, loaded, recognised, touches
from valve_aws.model.cell import Cell, Extent, Span
from valve_aws.model.verdict import Holding, Way

LAST = "\U0010ffff"


class Looks:
    """Looks at the cells of one generation."""

    def __init__(self, ask: Callable[..., Any], generation: str) -> None:
        """`ask` gives the rows that a statement finds; several may be read at a time."""
        self._ask, self.generation = ask, generation

    def holding(self, extent: Extent, since: int | None, seen: Mapping[Cell, str], *, sole: bool) -> Holding:
        """Return what an extent holds, with what was lowered there after `since`; `seen` are versions that a
        reply showed, `sole` that nobody else puts anything there."""
        ways: dict[str, Way] = {}
        known = False
        rows = list(self._rows(extent))
        if extent.span is Span.ONE and not rows:
            rows = self._nameless(extent)
        for name, attribute, tags, version in rows:
            cell = Cell(extent.store, name, extent.part, attribute)
            own = name == extent.name and attribute == ""
            known = known or (own and recognised(version, extent.version, seen.get(cell, "")))
            collect(ways, cell, loaded(tags))
        if since is not None:
            where, values = self.where(extent)
            for name, attribute, tags in self._ask(schema.LOWERED.format(where), (*values, since)):
                if touches(extent, attribute):
                    collect(ways, Cell(extent.store, name, extent.part, attribute), loaded(tags))
        complete = sole or extent.span is Span.NEW or (extent.span is Span.ONE and known)
        return Holding(frozenset(ways), complete, tuple(ways[tag] for tag in sorted(ways)))

    def _rows(self, extent: Extent) -> Iterator[tuple[str, str, str, str]]:
        """Yield (name, attribute, tags, version) of what is known in an extent; for ranges one row for each
        label that stands there."""
        if extent.span is Span.NEW:
            return
        where, values = self.where(extent)
        if extent.span is Span.ONE:
            for row in self._ask(schema.CELLS_OF[where], values):
                if touches(extent, row[1]):
                    yield row
            return
        query = schema.WITH_LABEL.format(where)
        for label in self._labels(values[:3]):
            rows = self._ask(query, (*values, label))
            if row := next((row for row in rows if touches(extent, row[1])), None):
                yield row

    def _nameless(self, extent: Extent) -> list[tuple[str, str, str, str]]:
        """Return what was put into a store under names that nobody has learned: what has no row may be that.

        A message whose sender ended before its reply came, or one that another store delivered.
        """
        base = (self.generation, extent.store, str(extent.part))
        found = self._ask(schema.CELLS_OF[schema.NAMELESS], base)
        return [(*row[:3], "") for row in found if touches(extent, row[1])]

    def _labels(self, store: tuple[str, ...]) -> Iterator[str]:
        """Yield the labels in a part of a store: as many index look-ups as there are labels, not cells."""
        label = ""
        while (label := self._ask(schema.LABEL_AFTER, (*store, label)).fetchone()[0]) is not None:
            yield label

    def where(self, extent: Extent) -> tuple[str, tuple[str, ...]]:
        """Return the condition that a row of an extent meets, and what stands for its question marks."""
        base = (self.generation, extent.store, str(extent.part))
        match extent.span:
            case Span.ONE:
                return schema.ONE, (*base, extent.name)
            case Span.PREFIX if extent.name:
                return schema.PREFIX, (*base, extent.name, extent.name + LAST)
            case _:
                return schema.ALL, base
