"""The label book in SQLite.

Knows how cells are kept so that several processes share them and a kill loses nothing. Does not know any
service.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar, TypeVarTuple, Unpack

from valve_aws.labels import schema
from valve_aws.labels.looks import Looks
from valve_aws.labels.memory import NOBODY, Kept, Memory, Opened, Row
from valve_aws.labels.process import alive, owner
from valve_aws.labels.tags import Tags, brought, dumped, loaded, touches
from valve_aws.model.cell import Cell, Extent, Part, Span
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.ports import BookError, Outcome, Rise
from valve_aws.model.verdict import Holding

AT_ONCE = 50
"""Rises that are written down by one statement: there are only so many such statements."""

Given = TypeVarTuple("Given")
T = TypeVar("T")


class SqliteBook:
    """A `Book` in one file (WAL, `synchronous=NORMAL`), or in memory with the path ``":memory:"``.

    `generation` names the backend's life (ADR 2). `sole` says that nobody else writes to that backend: then
    an unknown cell is an absent one, else its content is not recognised.
    """

    def __init__(self, path: Path | str, generation: str, *, sole: bool) -> None:
        self._generation, self._sole, self._path = generation, sole, str(path)
        self._owner = owner()
        self._memory = Memory()
        try:
            self._db = sqlite3.connect(
                self._path, isolation_level=None, timeout=5.0, check_same_thread=False, cached_statements=256
            )
            # Why one cursor: to make one takes longer than some statements. A look has its own.
            self._run = self._db.cursor().execute
            self._looks = Looks(self._db.execute, generation)
            self._prepare()
        except sqlite3.Error as error:
            raise self._silent(error) from error

    def _prepare(self) -> None:
        # Why small pages: a write is some cells, and each page that it touches is written whole, twice.
        self._db.execute("PRAGMA page_size = 1024")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(schema.FACTS)
        self._db.execute("INSERT OR IGNORE INTO fact VALUES ('stamp', 0), ('format', ?)", (schema.FORMAT,))
        (found,) = self._db.execute("SELECT value FROM fact WHERE name = 'format'").fetchone()
        if found != schema.FORMAT:
            raise BookError(
                f"`{self._path}` was written by another version (format {found}); "
                "name another file with `--labels`"
            )
        self._db.executescript(schema.TABLES)

    # Reading

    def stamp(self) -> int:
        """See `Book.stamp`."""
        try:
            return self._present().stamp
        except sqlite3.Error as error:
            raise self._silent(error) from error

    def held(
        self, extents: Sequence[Extent], since: int | None = None, seen: Mapping[Cell, str] | None = None
    ) -> dict[Extent, Holding]:
        """See `Book.held`."""
        if not extents:
            return {}
        try:
            memory = self._present()
            if since is not None and since < memory.stamp:
                return {extent: self._looked(extent, since, seen or {}) for extent in extents}
            return {extent: self._known(memory, extent, seen or {}) for extent in extents}
        except (sqlite3.Error, ValueError) as error:
            raise self._silent(error) from error

    def _present(self) -> Memory:
        """Return what is remembered of the book as it is now: nothing, once anybody else has written to it.

        Source: SQLite, `PRAGMA data_version`: it differs once another connection has committed.
        """
        (version,) = self._run("PRAGMA data_version").fetchone()
        if version != self._memory.version:
            stamp, rising = self._run(schema.PRESENT).fetchone()
            self._memory = Memory(version, int(stamp), rising)
        return self._memory

    def _known(self, memory: Memory, extent: Extent, seen: Mapping[Cell, str]) -> Holding:
        """Return what an extent holds now; looked up anew where a reply showed a version to compare, which
        tells nothing where nobody else writes."""
        if seen and not self._sole and any(cell.store == extent.store for cell in seen):
            return self._looked(extent, None, seen)
        known = memory.known(extent)
        return memory.keep(extent, self._looked(extent, None, {})) if known is None else known

    def _looked(self, extent: Extent, since: int | None, seen: Mapping[Cell, str]) -> Holding:
        return self._looks.holding(extent, since, seen, sole=self._sole)

    # Writing

    def raise_(self, record: str, rises: Sequence[Rise], watched: Sequence[Extent], stamp: int) -> bool:
        """See `Book.raise_`."""
        return self._write(self._raise, record, rises, watched, stamp)

    def _raise(self, record: str, rises: Sequence[Rise], watched: Sequence[Extent], stamp: int) -> bool:
        now, memory = self._tick(), self._memory
        if now != stamp + 1 and any(self._rose(extent, stamp) for extent in watched):
            self._memory = memory.after(now, ())
            return False
        opening: dict[Row, Opened] = {}
        changed, alone = set[str](), not memory.rising
        label, wanted = CLEAN, brought(CLEAN, record)
        for rise in rises:
            if rise.label is not label:  # Why: the cells of one call mostly rise to one label
                label, wanted = rise.label, brought(rise.label, record)
            for row in self._cells(record, rise.extent):
                if self._raise_cell(record, row, rise, wanted, now, opening):
                    changed.add(row[1])
        self._open(record, opening)
        if alone or memory.lone[0] == record:  # Why: what rises again has opened other cells before
            memory.lone = (record, opening) if alone else NOBODY
        self._memory = memory.after(now, changed)
        return True

    def _open(self, record: str, opening: Mapping[Row, Opened]) -> None:
        """Write down what is under way from now on."""
        values: list[str | int] = []
        tags, text = None, ""
        for row, rise in opening.items():
            if rise.tags is not tags:
                tags, text = rise.tags, dumped(rise.tags)
            values += (record, *row, text, rise.made, rise.replaces, rise.crossed, self._owner)
        for at in range(0, len(opening), AT_ONCE):
            rows = min(AT_ONCE, len(opening) - at)
            self._run(schema.put_under_way(rows), values[at * schema.WIDTH : (at + rows) * schema.WIDTH])
        self._memory.rising += len(opening)

    def _rose(self, extent: Extent, stamp: int) -> bool:
        if extent.span is Span.NEW:
            return False
        where, values = self._looks.where(extent)
        found = self._db.execute(f"SELECT attribute FROM cell WHERE {where} AND rose > ?", (*values, stamp))
        return any(touches(extent, attribute) for (attribute,) in found)

    def _cells(self, record: str, extent: Extent) -> list[Row]:
        """Return the rows that a rise of `extent` is about."""
        base, whole = (self._generation, extent.store, str(extent.part)), extent.attributes is None
        if extent.span is Span.NEW:
            return [(*base, f"?{record}", "")]
        attributes = [""] if whole else sorted(extent.attributes or ())
        if extent.span is Span.ONE:
            return [(*base, extent.name, attribute) for attribute in attributes]
        where, values = self._looks.where(extent)
        found = self._db.execute(f"SELECT name, attribute FROM cell WHERE {where}", values).fetchall()
        return [(*base, name, attribute) for name, attribute in found if whole or attribute in attributes]

    def _raise_cell(
        self, record: str, row: Row, rise: Rise, wanted: Tags, now: int, opening: dict[Row, Opened]
    ) -> bool:
        """Raise one cell; say whether it carries more now. Nothing is asked about what is under way there
        where nothing is: each statement is 10 µs of the millisecond that a guarded call may add."""
        memory, old = self._memory, self._before(row, wanted, now)
        more = old is None or not wanted.keys() <= old.tags.keys()
        if old and more:
            self._put(row, Kept({**wanted, **old.tags}, old.version, old.gone, now))
        crossed, before = 0, opening.get(row)
        if memory.rising:
            crossed = self._run(schema.CROSS, (*row, record)).rowcount
            found = None if before else self._run(schema.MINE, (*row, record)).fetchone()
            if found:
                before = Opened(loaded(found[0]), found[1], 0, found[2])
                memory.rising -= 1  # Why: what is written of it now takes that one's place
            if crossed or found:
                memory.lone = NOBODY
        made = old is None
        if before:
            wanted, made, crossed = {**wanted, **before.tags}, before.made > 0, crossed + before.crossed
        opening[row] = Opened(wanted, int(made), int(rise.replaces), int(crossed > 0))
        return more

    def _before(self, row: Row, wanted: Tags, now: int) -> Kept | None:
        """Return what a cell was; one that was not there is there now, with what it is to carry."""
        old = self._memory.cells.get(row)
        if old is None:
            # Why so and not looked for first: what is not remembered is new more often than not.
            kept = Kept(wanted, "", 0, now)
            if self._run(schema.NEW_CELL, kept.written(row)).rowcount:
                self._memory.put(row, kept)
                return None
            old = self._cell(row)
        return old

    def settle(
        self,
        record: str,
        outcome: Outcome,
        versions: Mapping[Cell, str] | None = None,
        created: Sequence[tuple[Cell, Label]] = (),
    ) -> None:
        """See `Book.settle`."""
        self._write(self._settle, record, outcome, versions or {}, created)

    def _settle(
        self,
        record: str,
        outcome: Outcome,
        versions: Mapping[Cell, str],
        created: Sequence[tuple[Cell, Label]],
    ) -> None:
        now, memory, done = self._tick(), self._memory, outcome is Outcome.DONE
        opened = self._opened(record)
        memory.rising -= self._run(schema.CLOSE, (record,)).rowcount
        bound = {self._row(cell): version for cell, version in versions.items()} if done else {}
        stores = {row[1] for row in (*opened, *bound)}
        for row, rise in opened.items():
            if outcome is Outcome.FAILED and not rise.crossed:
                # Why not when crossed: another write may have brought the same tags, and found them there
                # under this record.
                self._take_back(record, row, rise.made)
            elif done and row[3] == f"?{record}":
                if created:
                    self._forget(row)
            elif done and rise.replaces and not rise.crossed:
                self._replace(row, rise.tags, now, bound.pop(row, None))
        for row, version in bound.items():
            self._run(schema.BIND, (version, *row))
            memory.cells.pop(row, None)
        if done:
            for cell, label in created:
                self._put(self._row(cell), Kept(brought(label, record), "", 0, now))
                stores.add(cell.store)
        self._memory = memory.after(now, stores)

    def _opened(self, record: str) -> Mapping[Row, Opened]:
        """Return what a record has under way."""
        of, rows = self._memory.lone
        if of == record:
            self._memory.lone = NOBODY
            return rows
        found = self._run(schema.OPENED, (record,)).fetchall()
        return {
            (row[0], row[1], row[2], row[3], row[4]): Opened(loaded(tags), made, replaces, crossed)
            for *row, tags, made, replaces, crossed in found
        }

    def _take_back(self, record: str, row: Row, made: int) -> None:
        """Undo a rise whose request certainly changed nothing, as far as no other rise wants the same tags
        there."""
        found = self._cell(row)
        if found is None:
            return
        others = self._wanted(row) if self._memory.rising else {}
        tags = {tag: by for tag, by in found.tags.items() if by != record or tag in others}
        if made and not tags and not others:
            self._forget(row)
        elif tags != found.tags:
            self._put(row, found._replace(tags=tags))

    def _replace(self, row: Row, tags: Tags, now: int, version: str | None) -> None:
        """A certain overwrite: the cell carries what was written, and what it carried is remembered for
        readers under way. `version` is what it is bound to now, None what it was."""
        found = self._cell(row) or Kept({}, "", 0, now)
        new = {**self._wanted(row), **tags} if self._memory.rising else tags
        kept = Kept(new, found.version if version is None else version, 0, found.rose)
        if found.tags.keys() - new.keys():
            self._run(schema.PUT_LOWERED, (*row, dumped(found.tags), now))
            self._run(schema.FORGET_LOWERED, (now - schema.KEPT_STAMPS,))
        if found.tags.keys() != new.keys():
            self._put(row, kept)
        elif found != kept:
            self._run(schema.SAME_LABEL, (dumped(new), kept.version, *row))
            self._memory.put(row, kept)

    def _wanted(self, row: Row) -> Tags:
        """Return what the rises still under way want on a cell."""
        found = self._run(schema.WANTED, row).fetchall()
        return {tag: by for (tags,) in found for tag, by in loaded(tags).items()}

    def remove(self, record: str, cells: Sequence[Cell]) -> None:
        """See `Book.remove`."""
        self._write(self._remove, cells)

    def _remove(self, cells: Sequence[Cell]) -> None:
        now, memory = self._tick(), self._memory
        for row in map(self._row, cells):
            self._run(schema.GONE, row)
            memory.cells.pop(row, None)
        self._memory = memory.after(now, ())

    def know(self, cells: Iterable[tuple[Cell, Label, str]]) -> None:
        """See `Book.know`."""
        self._write(self._know, cells)

    def _know(self, cells: Iterable[tuple[Cell, Label, str]]) -> None:
        now, memory, stores = self._tick(), self._memory, set[str]()
        for cell, label, version in cells:
            row = self._row(cell)
            old = self._cell(row)
            tags = dict.fromkeys(label, "") | (dict(old.tags) if old else {})
            self._put(row, Kept(tags, version, 0, now))
            stores.add(cell.store)
        self._memory = memory.after(now, stores)

    def begin(self, generation: str) -> None:
        """Go on with another life of the backend; what is known of the one before is forgotten."""
        if generation == self._generation:
            return
        self._write(self._begin)
        self._generation = self._looks.generation = generation

    def _begin(self) -> None:
        self._tick()
        for table in ("cell", "under_way", "lowered"):
            self._run(f"DELETE FROM {table} WHERE generation = ?", (self._generation,))
        self._memory = Memory()

    def open(self) -> list[tuple[str, list[Rise]]]:
        """See `Book.open`."""
        found: dict[str, list[Rise]] = {}
        try:
            rows = self._run(schema.UNDER_WAY).fetchall()
        except sqlite3.Error as error:
            raise self._silent(error) from error
        for record, store, part, name, attribute, tags, replaces, by in rows:
            if alive(by):
                continue
            extent = Extent(store, Part(part), Span.ONE, name, frozenset({attribute}) if attribute else None)
            found.setdefault(record, []).append(Rise(extent, frozenset(loaded(tags)), (), bool(replaces)))
        return list(found.items())

    def close(self) -> None:
        """See `Book.close`."""
        self._db.close()

    # Small print

    def _cell(self, row: Row) -> Kept | None:
        """Return what a cell is; None where there is none."""
        known = self._memory.cells.get(row)
        if known is None and (found := self._run(schema.GET_CELL, row).fetchone()):
            known = Kept(loaded(found[0]), *found[1:])
            self._memory.put(row, known)
        return known

    def _put(self, row: Row, kept: Kept) -> None:
        """Write what a cell is."""
        self._run(schema.PUT_CELL, kept.written(row))
        self._memory.put(row, kept)

    def _forget(self, row: Row) -> None:
        """Take a cell away that is not what anything is called."""
        self._run(schema.TAKE_CELL, row)
        self._memory.cells.pop(row, None)

    def _row(self, cell: Cell) -> Row:
        return self._generation, cell.store, str(cell.part), cell.name, cell.attribute

    def _tick(self) -> int:
        """Count one more write, every one being counted, and return the new stamp; what is remembered of a
        book that somebody else has written to since is forgotten."""
        known = self._memory.stamp
        if self._run(schema.NEXT_STAMP, (known + 1, known)).rowcount:
            return known + 1
        self._memory = Memory()
        known = self._present().stamp
        self._run(schema.NEXT_STAMP, (known + 1, known))
        return known + 1

    def _write(self, deed: Callable[[Unpack[Given]], T], *given: *Given) -> T:
        """Do something as one immediate transaction: on return all of it is durable, else nothing is."""
        try:
            self._run("BEGIN IMMEDIATE")
            try:
                done = deed(*given)
                self._run("COMMIT")
            except BaseException:
                self._memory = Memory()
                if self._db.in_transaction:
                    self._run("ROLLBACK")
                raise
            return done
        except (sqlite3.Error, ValueError) as error:
            raise self._silent(error) from error

    def _silent(self, error: Exception) -> BookError:
        return BookError(f"`{self._path}`: {error}")
