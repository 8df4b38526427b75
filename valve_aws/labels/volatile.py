"""The label book that ends with its process: what `sqlite` keeps in tables, in dictionaries.

Knows rises, settlements and what was lowered. Does not know a file; that threads take turns is its user's
part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from valve_aws.labels.memory import Memory
from valve_aws.labels.schema import KEPT_STAMPS
from valve_aws.labels.tags import Tags, collect, dumped, recognised, touches
from valve_aws.model.cell import Cell, Extent, Part, Span
from valve_aws.model.label import Label
from valve_aws.model.ports import Outcome, Rise
from valve_aws.model.verdict import Holding, Way

LAST = "\U0010ffff"

At = tuple[str, str]
"""(name, attribute) within a part of a store."""

Place = tuple[str, Part]
"""(store, part)."""


@dataclass(slots=True)
class Row:
    """One cell."""

    tags: Tags
    version: str = ""
    rose: int = 0
    gone: bool = False


@dataclass(slots=True)
class Wanted:
    """One rise of one cell that is under way."""

    tags: Tags
    made: bool
    """The cell did not exist before."""
    replaces: bool
    crossed: bool
    """Another rise of the cell overlapped: which came last is unknown."""


class VolatileBook:
    """A `Book` in memory. `sole` says that nobody else writes to the backend, as for `SqliteBook`."""

    def __init__(self, *, sole: bool) -> None:
        self._sole = sole
        self._stamp = 0
        self._cells: dict[Place, dict[At, Row]] = {}
        self._under_way: dict[str, dict[tuple[Place, At], Wanted]] = {}
        self._lowered: list[tuple[Place, At, Tags, int]] = []
        self._memory = Memory()

    # Reading

    def stamp(self) -> int:
        """See `Book.stamp`."""
        return self._stamp

    def held(
        self, extents: Sequence[Extent], since: int | None = None, seen: Mapping[Cell, str] | None = None
    ) -> dict[Extent, Holding]:
        """See `Book.held`."""
        if since is not None and since < self._stamp:
            return {extent: self._holding(extent, since, seen or {}) for extent in extents}
        return {extent: self._known(extent, seen or {}) for extent in extents}

    def _known(self, extent: Extent, seen: Mapping[Cell, str]) -> Holding:
        if seen and any(cell.store == extent.store for cell in seen):
            return self._holding(extent, None, seen)
        return self._memory.recall(extent, lambda: self._holding(extent, None, {}))

    def _holding(self, extent: Extent, since: int | None, seen: Mapping[Cell, str]) -> Holding:
        ways: dict[str, Way] = {}
        known = False
        for (name, attribute), tags, version in self._rows(extent):
            cell = Cell(extent.store, name, extent.part, attribute)
            own = name == extent.name and attribute == ""
            known = known or (own and recognised(version, extent.version, seen.get(cell, "")))
            collect(ways, cell, tags)
        if since is not None:
            for place, (name, attribute), tags, until in self._lowered:
                here = place == (extent.store, extent.part) and _covers(extent, name)
                if here and until > since and touches(extent, attribute):
                    collect(ways, Cell(extent.store, name, extent.part, attribute), tags)
        complete = self._sole or extent.span is Span.NEW or (extent.span is Span.ONE and known)
        return Holding(frozenset(ways), complete, tuple(ways[tag] for tag in sorted(ways)))

    def _rows(self, extent: Extent) -> list[tuple[At, Tags, str]]:
        """Return what is known in an extent, in the order of the tables: by name; for ranges one row for each
        distinct set of tags, by tags."""
        cells = self._cells.get((extent.store, extent.part), {})
        if extent.span is Span.NEW:
            return []
        if extent.span is Span.ONE:
            found = [(at, row) for at, row in _of(cells, extent.name) if touches(extent, at[1])]
            if found:
                return [(at, row.tags, row.version) for at, row in found]
            return [(at, row.tags, "") for at, row in _nameless(cells) if touches(extent, at[1])]
        alike = extent.span is Span.ALL and extent.attributes is None
        first: dict[tuple[str, str], tuple[At, Tags, str]] = {}
        for at, row in sorted(cells.items(), key=_by_name):
            if _covers(extent, at[0]) and touches(extent, at[1]):
                first.setdefault((dumped(row.tags), "" if alike else at[1]), (at, row.tags, ""))
        return [first[key] for key in sorted(first)]

    # Writing

    def raise_(self, record: str, rises: Sequence[Rise], watched: Sequence[Extent], stamp: int) -> bool:
        """See `Book.raise_`."""
        self._tick()
        if self._stamp != stamp + 1 and any(self._rose(extent, stamp) for extent in watched):
            return False
        for rise in rises:
            for place, at in list(self._touched(record, rise.extent)):
                self._raise_cell(record, place, at, rise)
        return True

    def _tick(self) -> None:
        self._stamp += 1
        self._memory = Memory()

    def _rose(self, extent: Extent, stamp: int) -> bool:
        cells = self._cells.get((extent.store, extent.part), {})
        return extent.span is not Span.NEW and any(
            row.rose > stamp and _covers(extent, at[0]) and touches(extent, at[1])
            for at, row in cells.items()
        )

    def _touched(self, record: str, extent: Extent) -> Iterator[tuple[Place, At]]:
        """Yield the rows that a rise of `extent` is about."""
        place = extent.store, extent.part
        if extent.span is Span.NEW:
            yield place, (f"?{record}", "")
        elif extent.span is Span.ONE:
            for attribute in sorted(extent.attributes) if extent.attributes is not None else [""]:
                yield place, (extent.name, attribute)
        else:
            for at in self._cells.get(place, {}):
                if _covers(extent, at[0]) and (extent.attributes is None or at[1] in extent.attributes):
                    yield place, at

    def _raise_cell(self, record: str, place: Place, at: At, rise: Rise) -> None:
        cells = self._cells.setdefault(place, {})
        old = cells.get(at)
        wanted = dict.fromkeys(rise.label, record)
        joined = {**wanted, **old.tags} if old else wanted
        if old is None:
            cells[at] = Row(joined, rose=self._stamp)
        elif joined != old.tags:
            cells[at] = Row(joined, old.version, self._stamp, old.gone)
        crossing = False
        for other, rows in self._under_way.items():
            if other != record and (place, at) in rows:
                rows[place, at].crossed = crossing = True
        mine = self._under_way.setdefault(record, {})
        before = mine.get((place, at))
        mine[place, at] = Wanted(
            {**wanted, **before.tags} if before else wanted,
            before.made if before else old is None,
            rise.replaces,
            crossing or (before is not None and before.crossed),
        )

    def settle(
        self,
        record: str,
        outcome: Outcome,
        versions: Mapping[Cell, str] | None = None,
        created: Sequence[tuple[Cell, Label]] = (),
    ) -> None:
        """See `Book.settle`."""
        opened = self._under_way.pop(record, {})
        self._tick()
        for (place, at), wanted in opened.items():
            if outcome is Outcome.FAILED and not wanted.crossed:
                self._take_back(record, place, at, wanted.made)
            elif outcome is Outcome.DONE and at[0] == f"?{record}":
                if created:
                    self._cells.get(place, {}).pop(at, None)
            elif outcome is Outcome.DONE and wanted.replaces and not wanted.crossed:
                self._replace(place, at, wanted.tags)
        if outcome is Outcome.DONE:
            for cell, version in (versions or {}).items():
                if row := self._cells.get((cell.store, cell.part), {}).get((cell.name, cell.attribute)):
                    row.version, row.gone = version, False
            for cell, label in created:
                self._put(cell, Row(dict.fromkeys(label, record), rose=self._stamp))

    def _take_back(self, record: str, place: Place, at: At, made: bool) -> None:
        """Undo a rise whose request certainly changed nothing, as far as no other rise wants the same."""
        row = self._cells.get(place, {}).get(at)
        if row is None:
            return
        others = self._wanted(place, at)
        row.tags = {tag: by for tag, by in row.tags.items() if by != record or tag in others}
        if made and not row.tags and not others:
            del self._cells[place][at]

    def _replace(self, place: Place, at: At, tags: Tags) -> None:
        """A certain overwrite: what the cell carried is remembered for readers under way."""
        row = self._cells.setdefault(place, {}).setdefault(at, Row({}, rose=self._stamp))
        new = {**self._wanted(place, at), **tags}
        if row.tags.keys() - new.keys():
            self._lowered.append((place, at, row.tags, self._stamp))
            if self._lowered[0][3] < self._stamp - KEPT_STAMPS:
                self._lowered = [each for each in self._lowered if each[3] >= self._stamp - KEPT_STAMPS]
        row.tags, row.gone = new, False

    def _wanted(self, place: Place, at: At) -> dict[str, str]:
        """Return what the rises still under way want on a cell."""
        rows = [found[place, at] for found in self._under_way.values() if (place, at) in found]
        return {tag: by for row in rows for tag, by in row.tags.items()}

    def _put(self, cell: Cell, row: Row) -> None:
        self._cells.setdefault((cell.store, cell.part), {})[cell.name, cell.attribute] = row

    def remove(self, record: str, cells: Sequence[Cell]) -> None:
        """See `Book.remove`."""
        self._tick()
        for cell in cells:
            if row := self._cells.get((cell.store, cell.part), {}).get((cell.name, cell.attribute)):
                row.gone = True

    def know(self, cells: Iterable[tuple[Cell, Label, str]]) -> None:
        """See `Book.know`."""
        self._tick()
        for cell, label, version in cells:
            old = self._cells.get((cell.store, cell.part), {}).get((cell.name, cell.attribute))
            tags = {**dict.fromkeys(label, ""), **(old.tags if old else {})}
            self._put(cell, Row(tags, version, self._stamp))

    def open(self) -> list[tuple[str, list[Rise]]]:
        """See `Book.open`: nothing of another process is here."""
        return []

    def close(self) -> None:
        """See `Book.close`: there is no file."""


def _by_name(each: tuple[At, Row]) -> At:
    return each[0]


def _of(cells: Mapping[At, Row], name: str) -> list[tuple[At, Row]]:
    """Return the item itself and its declared attributes."""
    whole = cells.get((name, ""))
    if whole is not None and len(cells) == 1:
        return [((name, ""), whole)]
    return sorted(((at, row) for at, row in cells.items() if at[0] == name), key=_by_name)


def _nameless(cells: Mapping[At, Row]) -> list[tuple[At, Row]]:
    """Return what was put there under names that nobody has learned: what has no row may be that."""
    return sorted(((at, row) for at, row in cells.items() if not at[0] or at[0][0] == "?"), key=_by_name)


def _covers(extent: Extent, name: str) -> bool:
    match extent.span:
        case Span.ONE:
            return name == extent.name
        case Span.PREFIX if extent.name:
            return extent.name <= name < extent.name + LAST
    return True
