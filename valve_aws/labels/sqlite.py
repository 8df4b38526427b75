"""The label book in SQLite.

Knows how cells are kept so that several processes share them and a kill loses nothing. Does not know any
service.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from valve_aws.labels import schema
from valve_aws.labels.memory import Memory
from valve_aws.labels.process import alive, owner
from valve_aws.labels.tags import Tags, collect, dumped, listed, loaded, recognised, touches
from valve_aws.model.cell import Cell, Extent, Part, Span
from valve_aws.model.label import Label
from valve_aws.model.ports import BookError, Outcome, Rise
from valve_aws.model.verdict import Holding, Way

Row = tuple[str, str, str, str, str]
"""generation, store, part, name, attribute."""

LAST = "\U0010ffff"


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
            self._prepare()
        except sqlite3.Error as error:
            raise BookError(f"`{path}`: {error}") from error

    def _prepare(self) -> None:
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
        with self._answers():
            return self._present().stamp

    def held(
        self, extents: Sequence[Extent], since: int | None = None, seen: Mapping[Cell, str] | None = None
    ) -> dict[Extent, Holding]:
        """See `Book.held`."""
        with self._answers():
            memory = self._present()
            if since is not None and since < memory.stamp:
                return {extent: self._holding(extent, since, seen or {}) for extent in extents}
            return {extent: self._known(memory, extent, seen or {}) for extent in extents}

    def _present(self) -> Memory:
        """Return what is remembered of the book as it is now: nothing, once anybody has written to it.

        Source: SQLite, `PRAGMA data_version`: it differs once another connection has committed.
        """
        (version,) = self._db.execute("PRAGMA data_version").fetchone()
        if version != self._memory.version:
            (stamp,) = self._db.execute("SELECT value FROM fact WHERE name = 'stamp'").fetchone()
            self._memory = Memory(version, int(stamp))
        return self._memory

    def _known(self, memory: Memory, extent: Extent, seen: Mapping[Cell, str]) -> Holding:
        """Return what an extent holds now; looked up anew where a reply showed a version to compare, which
        tells nothing where nobody else writes."""
        if seen and not self._sole and any(cell.store == extent.store for cell in seen):
            return self._holding(extent, None, seen)
        return memory.recall(extent, lambda: self._holding(extent, None, {}))

    def _holding(self, extent: Extent, since: int | None, seen: Mapping[Cell, str]) -> Holding:
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
            where, values = self._where(extent)
            for name, attribute, tags in self._db.execute(schema.LOWERED.format(where), (*values, since)):
                if touches(extent, attribute):
                    collect(ways, Cell(extent.store, name, extent.part, attribute), loaded(tags))
        complete = self._sole or extent.span is Span.NEW or (extent.span is Span.ONE and known)
        return Holding(frozenset(ways), complete, tuple(ways[tag] for tag in sorted(ways)))

    def _rows(self, extent: Extent) -> Iterator[tuple[str, str, str, str]]:
        """Yield (name, attribute, tags, version) of what is known in an extent; for ranges one row for each
        label that stands there."""
        if extent.span is Span.NEW:
            return
        where, values = self._where(extent)
        if extent.span is Span.ONE:
            query = f"SELECT name, attribute, tags, version FROM cell WHERE {where}"
            for row in self._db.execute(query, values):
                if touches(extent, row[1]):
                    yield row
            return
        query = schema.WITH_LABEL.format(where)
        for label in self._labels(values[:3]):
            rows = self._db.execute(query, (*values, label))
            if row := next((row for row in rows if touches(extent, row[1])), None):
                yield row

    def _nameless(self, extent: Extent) -> list[tuple[str, str, str, str]]:
        """Return what was put into a store under names that nobody has learned: what has no row may be that.

        A message whose sender ended before its reply came, or one that another store delivered.
        """
        base = (self._generation, extent.store, str(extent.part))
        query = f"SELECT name, attribute, tags, '' FROM cell WHERE {schema.NAMELESS}"
        return [row for row in self._db.execute(query, base).fetchall() if touches(extent, row[1])]

    def _labels(self, store: tuple[str, ...]) -> Iterator[str]:
        """Yield the labels in a part of a store: as many index look-ups as there are labels, not cells."""
        label = ""
        while (label := self._db.execute(schema.LABEL_AFTER, (*store, label)).fetchone()[0]) is not None:
            yield label

    def _where(self, extent: Extent) -> tuple[str, tuple[str, ...]]:
        base = (self._generation, extent.store, str(extent.part))
        match extent.span:
            case Span.ONE:
                return schema.ONE, (*base, extent.name)
            case Span.PREFIX if extent.name:
                return schema.PREFIX, (*base, extent.name, extent.name + LAST)
            case _:
                return schema.ALL, base

    # Writing

    def raise_(self, record: str, rises: Sequence[Rise], watched: Sequence[Extent], stamp: int) -> bool:
        """See `Book.raise_`."""
        memory = self._memory
        with self._transaction():
            now, shared = self._tick()
            if now != stamp + 1 and any(self._rose(extent, stamp) for extent in watched):
                return False
            met, changed = set[Row](), set[str]()
            for rise in rises:
                for row in self._cells(record, rise.extent):
                    if self._raise_cell(record, row, rise, now, shared or row in met):
                        changed.add(row[1])
                    met.add(row)
        self._memory = memory.after(now, changed)
        return True

    def _rose(self, extent: Extent, stamp: int) -> bool:
        if extent.span is Span.NEW:
            return False
        where, values = self._where(extent)
        found = self._db.execute(f"SELECT attribute FROM cell WHERE {where} AND rose > ?", (*values, stamp))
        return any(touches(extent, attribute) for (attribute,) in found)

    def _cells(self, record: str, extent: Extent) -> list[Row]:
        """Return the rows that a rise of `extent` is about."""
        base = (self._generation, extent.store, str(extent.part))
        attributes = sorted(extent.attributes) if extent.attributes is not None else [""]
        if extent.span is Span.ONE:
            return [(*base, extent.name, attribute) for attribute in attributes]
        if extent.span is Span.NEW:
            return [(*base, f"?{record}", "")]
        where, values = self._where(extent)
        found = self._db.execute(f"SELECT name, attribute FROM cell WHERE {where}", values).fetchall()
        whole = extent.attributes is None
        return [(*base, name, attribute) for name, attribute in found if whole or attribute in attributes]

    def _raise_cell(self, record: str, row: Row, rise: Rise, now: int, shared: bool) -> bool:
        """Raise one cell; say whether it carries more now. `shared` False: no rise is under way there, so
        none has to be looked for; each statement is 10 µs of the millisecond that a guarded call may add."""
        old = self._db.execute(f"SELECT tags, version, gone FROM cell WHERE {schema.CELL}", row).fetchone()
        tags, version, gone = (loaded(old[0]), old[1], old[2]) if old else ({}, "", 0)
        joined = dict.fromkeys(rise.label, record) | dict(tags)
        rose = now if old is None or joined != tags else None
        if rose is not None:
            self._put(row, joined, version, gone, rose)
        crossing, before = 0, None
        if shared:
            crossing = self._db.execute(
                f"UPDATE under_way SET crossed = 1 WHERE {schema.CELL} AND record <> ?", (*row, record)
            ).rowcount
            before = self._db.execute(
                f"SELECT tags, made, crossed FROM under_way WHERE record = ? AND {schema.CELL}",
                (record, *row),
            ).fetchone()
            crossing += before[2] if before else 0
        wanted = dict.fromkeys(rise.label, record) | (dict(loaded(before[0])) if before else {})
        made = before[1] if before else int(old is None)
        self._db.execute(
            schema.PUT_UNDER_WAY,
            (record, *row, dumped(wanted), made, int(rise.replaces), int(crossing > 0), self._owner),
        )
        return rose is not None

    def settle(
        self,
        record: str,
        outcome: Outcome,
        versions: Mapping[Cell, str] | None = None,
        created: Sequence[tuple[Cell, Label]] = (),
    ) -> None:
        """See `Book.settle`."""
        memory = self._memory
        with self._transaction():
            opened = self._db.execute(schema.CLOSE, (record,)).fetchall()
            now, shared = self._tick()
            for *row, tags, made, replaces, crossed in opened:
                cell = (row[0], row[1], row[2], row[3], row[4])
                if outcome is Outcome.FAILED and not crossed:
                    # Why not when crossed: another write may have brought the same tags, and found them
                    # there under this record.
                    self._take_back(record, cell, bool(made), shared)
                elif outcome is Outcome.DONE and row[3] == f"?{record}":
                    if created:
                        self._db.execute(f"DELETE FROM cell WHERE {schema.CELL}", cell)
                elif outcome is Outcome.DONE and replaces and not crossed:
                    self._replace(cell, loaded(tags), now, shared)
            if outcome is Outcome.DONE:
                self._bind(record, versions or {}, created, now)
        stores = {cell.store for cell in (*(versions or ()), *(cell for cell, _ in created))}
        self._memory = memory.after(now, stores.union(row[1] for row in opened))

    def _take_back(self, record: str, row: Row, made: bool, shared: bool) -> None:
        """Undo a rise whose request certainly changed nothing, as far as no other rise wants the same tags
        there."""
        found = self._db.execute(
            f"SELECT tags, version, gone, rose FROM cell WHERE {schema.CELL}", row
        ).fetchone()
        if found is None:
            return
        others = self._wanted(row) if shared else {}
        tags = {tag: by for tag, by in loaded(found[0]).items() if by != record or tag in others}
        if made and not tags and not others:
            self._db.execute(f"DELETE FROM cell WHERE {schema.CELL}", row)
        else:
            self._put(row, tags, *found[1:])

    def _replace(self, row: Row, tags: Tags, now: int, shared: bool) -> None:
        """A certain overwrite: the cell carries what was written, and what it carried is remembered for
        readers under way."""
        found = self._db.execute(
            f"SELECT tags, version, gone, rose FROM cell WHERE {schema.CELL}", row
        ).fetchone()
        old = loaded(found[0]) if found else {}
        new = {**self._wanted(row), **tags} if shared else dict(tags)
        if set(old) - set(new):
            self._db.execute("INSERT INTO lowered VALUES (?,?,?,?,?,?,?)", (*row, dumped(old), now))
            self._db.execute("DELETE FROM lowered WHERE until < ?", (now - schema.KEPT_STAMPS,))
        if found and old.keys() == new.keys():
            self._db.execute(schema.SAME_LABEL, (dumped(new), *row))
        else:
            self._put(row, new, found[1] if found else "", 0, found[3] if found else now)

    def _wanted(self, row: Row) -> dict[str, str]:
        """Return what the rises still under way want on a cell."""
        found = self._db.execute(f"SELECT tags FROM under_way WHERE {schema.CELL}", row)
        return {tag: by for (tags,) in found for tag, by in loaded(tags).items()}

    def _bind(
        self, record: str, versions: Mapping[Cell, str], created: Sequence[tuple[Cell, Label]], now: int
    ) -> None:
        for cell, version in versions.items():
            self._db.execute(
                f"UPDATE cell SET version = ?, gone = 0 WHERE {schema.CELL}", (version, *self._row(cell))
            )
        for cell, label in created:
            self._put(self._row(cell), dict.fromkeys(label, record), "", 0, now)

    def remove(self, record: str, cells: Sequence[Cell]) -> None:
        """See `Book.remove`."""
        with self._transaction():
            for cell in cells:
                self._db.execute(f"UPDATE cell SET gone = 1 WHERE {schema.CELL}", self._row(cell))

    def know(self, cells: Iterable[tuple[Cell, Label, str]]) -> None:
        """See `Book.know`."""
        with self._transaction():
            now, _ = self._tick()
            for cell, label, version in cells:
                row = self._row(cell)
                old = self._db.execute(f"SELECT tags FROM cell WHERE {schema.CELL}", row).fetchone()
                tags = dict.fromkeys(label, "") | (dict(loaded(old[0])) if old else {})
                self._put(row, tags, version, 0, now)

    def begin(self, generation: str) -> None:
        """Go on with another life of the backend; what is known of the one before is forgotten."""
        if generation == self._generation:
            return
        with self._transaction():
            for table in ("cell", "under_way", "lowered"):
                self._db.execute(f"DELETE FROM {table} WHERE generation = ?", (self._generation,))
        self._generation = generation

    def open(self) -> list[tuple[str, list[Rise]]]:
        """See `Book.open`."""
        found: dict[str, list[Rise]] = {}
        with self._answers():
            rows = self._db.execute(
                "SELECT record, store, part, name, attribute, tags, replaces, owner FROM under_way"
            ).fetchall()
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

    def _put(self, row: Row, tags: Tags, version: str, gone: int, rose: int) -> None:
        """Write what a cell is."""
        self._db.execute(schema.PUT_CELL, (*row, dumped(tags), listed(tags), version, gone, rose))

    def _row(self, cell: Cell) -> Row:
        return self._generation, cell.store, str(cell.part), cell.name, cell.attribute

    def _tick(self) -> tuple[int, bool]:
        """Return the new stamp, and whether a rise is under way."""
        ((now, shared),) = self._db.execute(schema.NEXT_STAMP).fetchall()
        return int(now), bool(shared)

    def _answers(self) -> _Answers:
        return _Answers(self._path)

    def _transaction(self) -> _Transaction:
        """Run a block as one immediate transaction: all of it is durable when the block is left, or none."""
        self._memory = Memory()
        return _Transaction(self._path, self._db)


class _Answers:
    """What goes wrong in the file, told as the book's own. Why a class: a generator's manager costs twice as
    much, in every look and every write of a guarded call."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (sqlite3.Error, ValueError)):
            raise BookError(f"`{self._path}`: {error}") from error


class _Transaction(_Answers):
    """One immediate transaction."""

    __slots__ = ("_db",)

    def __init__(self, path: str, db: sqlite3.Connection) -> None:
        super().__init__(path)
        self._db = db

    def __enter__(self) -> None:
        with _Answers(self._path):
            self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        with _Answers(self._path):
            try:
                if error is None:
                    self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
        super().__exit__(kind, error, trace)
