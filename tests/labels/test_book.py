"""What the label book promises: never less than was written, until an overwrite is certain."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valve_aws.labels import SqliteBook, VolatileBook
from valve_aws.labels.memory import Memory
from valve_aws.model.cell import Cell, Extent, Part, Span, one
from valve_aws.model.label import Label
from valve_aws.model.ports import Book, BookError, Outcome, Rise
from valve_aws.model.verdict import Holding

STORE = "arn:aws:s3:::bucket"
PII, CARD = frozenset({"pii"}), frozenset({"card"})
KEY = one(STORE, "a/b")


@pytest.fixture(params=["in a file", "in memory"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Book]:
    made: Book = VolatileBook(sole=True)
    if request.param == "in a file":
        made = SqliteBook(tmp_path / "labels.db", "g1", sole=True)
    yield made
    made.close()


def put(book: Book, record: str, extent: Extent, label: Label, replaces: bool = True) -> None:
    assert book.raise_(record, [Rise(extent, label, replaces=replaces)], [], book.stamp())


def label(book: Book, extent: Extent, since: int | None = None) -> Label:
    return book.held([extent], since)[extent].label


def test_a_raised_cell_carries_old_and_new_until_it_is_settled(book: Book) -> None:
    put(book, "r1", KEY, PII)
    book.settle("r1", Outcome.DONE)
    put(book, "r2", KEY, CARD)
    assert label(book, KEY) == PII | CARD
    book.settle("r2", Outcome.DONE)
    assert label(book, KEY) == CARD


def test_what_rose_in_two_steps_is_settled_whole(book: Book) -> None:
    for cell in (KEY, one(STORE, "c")):
        put(book, "r1", cell, PII)
    book.settle("r1", Outcome.FAILED)
    assert label(book, KEY) == label(book, one(STORE, "c")) == frozenset()


def test_an_unknown_outcome_keeps_old_and_new_for_good(book: Book) -> None:
    put(book, "r1", KEY, PII)
    book.settle("r1", Outcome.DONE)
    put(book, "r2", KEY, CARD)
    book.settle("r2", Outcome.UNKNOWN)
    assert label(book, KEY) == PII | CARD


@pytest.mark.parametrize("settled", [None, Outcome.UNKNOWN], ids=["under way", "unknown"])
def test_a_message_that_nobody_has_named_yet_carries_what_may_have_been_sent(
    book: Book, settled: Outcome | None
) -> None:
    put(book, "r1", Extent(STORE, span=Span.NEW), PII)
    put(book, "r2", Extent(STORE, span=Span.NEW), frozenset())
    book.settle("r2", Outcome.DONE, created=[(Cell(STORE, "m-2"), frozenset())])
    if settled:
        book.settle("r1", settled)
    assert label(book, one(STORE, "m-1")) == PII
    assert label(book, one(STORE, "m-2")) == frozenset()


def test_a_message_that_nobody_has_named_carries_what_was_delivered_to_its_queue(book: Book) -> None:
    put(book, "r1", one(STORE, ""), PII, replaces=False)
    book.settle("r1", Outcome.DONE)
    assert label(book, one(STORE, "m-1")) == PII


def test_once_a_message_has_its_name_no_other_carries_its_label(book: Book) -> None:
    put(book, "r1", Extent(STORE, span=Span.NEW), PII)
    book.settle("r1", Outcome.DONE, created=[(Cell(STORE, "m-1"), PII)])
    assert label(book, one(STORE, "m-1")) == PII
    assert label(book, one(STORE, "m-2")) == frozenset()


def test_a_failed_write_takes_back_its_own_tags_only(book: Book) -> None:
    put(book, "r1", KEY, PII)
    book.settle("r1", Outcome.DONE)
    put(book, "r2", KEY, PII | CARD)
    book.settle("r2", Outcome.FAILED)
    assert label(book, KEY) == PII


def test_a_failed_write_keeps_what_another_write_under_way_wants_there(book: Book) -> None:
    put(book, "r1", KEY, PII)
    put(book, "r2", KEY, PII)
    book.settle("r1", Outcome.FAILED)
    assert label(book, KEY) == PII


def test_of_two_writes_that_overlap_neither_lowers_as_nobody_knows_which_came_last(book: Book) -> None:
    put(book, "r1", KEY, PII)
    put(book, "r2", KEY, CARD)
    book.settle("r2", Outcome.DONE)
    book.settle("r1", Outcome.DONE)
    assert label(book, KEY) == PII | CARD


def test_a_write_that_rises_again_has_overlapped_all_the_same(book: Book) -> None:
    """Its environment's label rose while it was under way, when the other one was settled already."""
    put(book, "r1", KEY, PII)
    put(book, "r2", KEY, CARD)
    book.settle("r2", Outcome.DONE)
    put(book, "r1", KEY, PII)
    book.settle("r1", Outcome.DONE)
    assert label(book, KEY) == PII | CARD


def test_a_write_that_does_not_replace_never_lowers(book: Book) -> None:
    put(book, "r1", KEY, PII)
    book.settle("r1", Outcome.DONE)
    put(book, "r2", KEY, CARD, replaces=False)
    book.settle("r2", Outcome.DONE)
    assert label(book, KEY) == PII | CARD


def test_a_reader_under_way_joins_what_was_lowered_meanwhile(book: Book) -> None:
    began = book.stamp()
    put(book, "r1", KEY, PII)
    book.settle("r1", Outcome.DONE)
    put(book, "r2", KEY, frozenset())
    book.settle("r2", Outcome.DONE)
    assert label(book, KEY) == frozenset()
    assert label(book, KEY, since=began) == PII


def test_a_rise_of_what_was_watched_makes_the_next_raise_fail_and_change_nothing(book: Book) -> None:
    before = book.stamp()
    put(book, "r1", KEY, PII)
    other = one(STORE, "other")
    assert not book.raise_("r2", [Rise(other, CARD)], [KEY], before)
    assert label(book, other) == frozenset()
    assert book.raise_("r2", [Rise(other, CARD)], [one(STORE, "third")], before)


def test_a_range_joins_every_cell_in_it_and_none_beside_it(book: Book) -> None:
    for name, tags in {"a/1": PII, "a/2": CARD, "b/1": frozenset({"x"})}.items():
        put(book, name, one(STORE, name), tags)
    assert label(book, Extent(STORE, span=Span.PREFIX, name="a/")) == PII | CARD
    assert label(book, Extent(STORE)) == PII | CARD | {"x"}
    assert label(book, Extent(STORE, Part.NAMES)) == frozenset()


def test_attributes_carry_their_own_labels_and_the_item_s(book: Book) -> None:
    table = "arn:aws:dynamodb:us-east-1:123456789012:table/t"
    put(book, "r1", one(table, "c1", attributes=frozenset({"email"})), PII)
    put(book, "r2", one(table, "c1"), CARD)
    assert label(book, one(table, "c1", attributes=frozenset({"id"}))) == CARD
    assert label(book, one(table, "c1", attributes=frozenset({"email"}))) == PII | CARD
    assert label(book, one(table, "c1")) == PII | CARD


def test_a_cell_without_a_name_gets_the_one_that_the_reply_gives(book: Book) -> None:
    queue = "arn:aws:sqs:us-east-1:123456789012:q"
    put(book, "r1", Extent(queue, span=Span.NEW), PII)
    assert label(book, Extent(queue)) == PII
    book.settle("r1", Outcome.DONE, created=[(Cell(queue, "m-1"), PII)])
    assert label(book, one(queue, "m-1")) == PII
    assert label(book, one(queue, "?r1")) == frozenset()


def test_a_tombstone_still_counts(book: Book) -> None:
    put(book, "r1", KEY, PII)
    book.settle("r1", Outcome.DONE)
    book.remove("r2", [Cell(STORE, "a/b")])
    assert label(book, KEY) == PII


def test_the_way_names_the_cell_and_the_record_that_put_the_tag_there(book: Book) -> None:
    put(book, "r1", KEY, PII)
    (way,) = book.held([KEY])[KEY].ways
    assert (way.tag, way.cell, way.record) == ("pii", Cell(STORE, "a/b"), "r1")


def test_where_others_write_too_an_unknown_cell_or_version_is_not_recognised(tmp_path: Path) -> None:
    book = SqliteBook(tmp_path / "labels.db", "g1", sole=False)
    assert not book.held([KEY])[KEY].complete
    put(book, "r1", KEY, PII)
    book.settle("r1", Outcome.DONE, {Cell(STORE, "a/b"): "etag-1"})
    assert book.held([KEY])[KEY].complete
    assert book.held([KEY], seen={Cell(STORE, "a/b"): "etag-1"})[KEY].complete
    assert not book.held([KEY], seen={Cell(STORE, "a/b"): "etag-2"})[KEY].complete
    assert not book.held([Extent(STORE)])[Extent(STORE)].complete


def test_what_another_valve_writes_is_seen_by_one_that_has_looked_before(tmp_path: Path) -> None:
    """Looks are remembered: not beyond the next write of anybody."""
    mine, theirs = (SqliteBook(tmp_path / "labels.db", "g1", sole=False) for _ in range(2))
    for record, tags in (("r1", PII), ("r2", CARD)):
        before = (label(mine, KEY), mine.stamp())
        put(theirs, record, KEY, tags)
        assert label(mine, KEY) >= tags
        assert label(mine, Extent(STORE)) >= tags
        assert (label(mine, KEY), mine.stamp()) != before
    theirs.settle("r2", Outcome.DONE)
    assert label(mine, KEY) == label(theirs, KEY)
    mine.close()
    theirs.close()


RANGES = [
    Extent(STORE, span=Span.ALL),
    Extent(STORE, span=Span.PREFIX, name="k"),
    Extent(STORE, span=Span.PREFIX, name="x"),
    Extent(STORE, span=Span.ALL, attributes=frozenset()),
]


@pytest.mark.parametrize("extent", RANGES, ids=["all", "a prefix", "an empty prefix", "all items"])
@pytest.mark.parametrize("since", [None, 0], ids=["now", "since"])
def test_a_look_at_many_cells_takes_as_many_steps_as_one_at_few(
    tmp_path: Path, extent: Extent, since: int | None
) -> None:
    def steps(cells: int) -> int:
        book, taken = SqliteBook(tmp_path / f"{cells}.db", "g1", sole=True), [0]
        for number in range(cells):
            put(book, f"r{number}", one(STORE, f"k{number}"), PII)
            book.settle(f"r{number}", Outcome.DONE)
        put(book, "last", one(STORE, "k~"), CARD)
        before = book.stamp() if since is not None else None
        put(book, "more", one(OTHER, "k"), CARD)
        book._db.set_progress_handler(lambda: taken.__setitem__(0, taken[0] + 1), 1)
        found = book.held([extent], before)[extent].label
        assert found == (frozenset() if extent.name == "x" else PII | CARD)
        book._db.set_progress_handler(None, 1)
        book.close()
        return taken[0]

    assert steps(400) < 2 * steps(4)


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "beside another valve"])
def test_a_write_takes_as_many_steps_whatever_else_is_under_way(tmp_path: Path, shared: bool) -> None:
    def steps(cells: int) -> int:
        book, taken = SqliteBook(tmp_path / f"{cells}.db", "g1", sole=True), [0]
        book.know([(Cell(STORE, f"k{number}"), PII, "") for number in range(cells)])
        put(book, "wide", Extent(STORE, span=Span.ALL), CARD)
        if shared:
            another = SqliteBook(tmp_path / f"{cells}.db", "g1", sole=True)
            another.know([(Cell(OTHER, "theirs"), PII, "")])
            another.close()
        book._db.set_progress_handler(lambda: taken.__setitem__(0, taken[0] + 1), 1)
        put(book, "narrow", one(OTHER, "k"), PII)
        book.settle("narrow", Outcome.DONE, {Cell(OTHER, "k"): "v1"})
        book._db.set_progress_handler(None, 1)
        assert [record for record, _ in opened(book)] == ["wide"] * cells
        book.close()
        return taken[0]

    assert steps(4000) < 2 * steps(1500)


def test_more_than_is_counted_is_under_way_until_it_is_settled(tmp_path: Path) -> None:
    """What is written over while something else wants a label there may be what came first."""
    book, another = (SqliteBook(tmp_path / "l.db", "g1", sole=True) for _ in range(2))
    book.know([(Cell(STORE, f"k{number}"), PII, "") for number in range(1500)])
    put(book, "wide", Extent(STORE, span=Span.ALL), CARD)
    put(book, "early", one(OTHER, "k"), PII)
    another.know([(Cell(OTHER, "theirs"), PII, "")])
    book.settle("early", Outcome.DONE)
    put(book, "over", one(STORE, "k7"), frozenset(), replaces=True)
    book.settle("over", Outcome.DONE)
    assert label(book, one(STORE, "k7")) >= CARD


def opened(book: SqliteBook) -> list[tuple[str, str]]:
    """Return (record, name of a cell) of all that is under way."""
    found: list[tuple[str, str]] = book._db.execute("SELECT record, name FROM under_way").fetchall()
    return found


OTHER = "arn:aws:s3:::other"
PLACES = [one(STORE, "k"), one(OTHER, "k"), Extent(STORE, span=Span.ALL), Extent(OTHER, span=Span.ALL)]
WRITES = st.tuples(
    st.sampled_from([0, 1]),
    st.sampled_from(PLACES[:2]),
    st.sampled_from([PII, CARD, frozenset()]),
    st.sampled_from([None, *Outcome]),
    st.booleans(),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(WRITES, max_size=8))
def test_what_a_book_remembers_is_what_the_file_holds_whoever_has_written(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, Extent, Label, Outcome | None, bool]]
) -> None:
    file = tmp_path_factory.mktemp("books") / "labels.db"
    books = [SqliteBook(file, "g1", sole=True), SqliteBook(file, "g1", sole=True)]
    for number, (writer, extent, tags, outcome, named) in enumerate(steps):
        for book in books:
            book.held(PLACES)
        put(books[writer], f"r{number}", extent, tags)
        for book in books:
            book.held(PLACES)
        if outcome:
            cell = Cell(extent.store, extent.name)
            made = [(Cell(OTHER, "made"), tags)] if named else []
            books[writer].settle(f"r{number}", outcome, {cell: f"v{number}"}, made)
        elif named:
            books[writer].remove(f"r{number}", [Cell(extent.store, extent.name)])
        fresh = SqliteBook(file, "g1", sole=True)
        assert {row: fresh._cell(row) for row in books[writer]._memory.cells} == books[writer]._memory.cells
        assert all(book.held(PLACES) == fresh.held(PLACES) for book in books)
        assert all(book.stamp() == fresh.stamp() for book in books)
        fresh.close()
    for book in books:
        book.close()


def test_nothing_is_remembered_where_another_write_came_before_ours() -> None:
    known = Memory(1, 5)
    assert known.recall(KEY, lambda: Holding(PII)) == Holding(PII)
    assert known.after(6, [OTHER]).recall(KEY, Holding) == Holding(PII)
    assert known.after(8, [OTHER]).recall(KEY, Holding) == Holding()


def test_generations_do_not_meet(tmp_path: Path) -> None:
    put(SqliteBook(tmp_path / "l.db", "yesterday", sole=True), "r1", KEY, PII)
    assert label(SqliteBook(tmp_path / "l.db", "today", sole=True), KEY) == frozenset()


def test_a_file_that_is_no_book_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "labels.db").write_text("not a database " * 100)
    with pytest.raises(BookError, match=r"labels\.db"):
        SqliteBook(tmp_path / "labels.db", "g1", sole=True)


def test_a_book_of_another_format_is_refused_with_the_remedy(tmp_path: Path) -> None:
    book = SqliteBook(tmp_path / "labels.db", "g1", sole=True)
    book._db.executescript(
        "UPDATE fact SET value = '1' WHERE name = 'format';"
        "DROP INDEX cell_by_label; ALTER TABLE cell DROP COLUMN label;"
    )
    book.close()
    with pytest.raises(BookError, match=r"another version \(format 1\); name another file with `--labels`"):
        SqliteBook(tmp_path / "labels.db", "g1", sole=True)


def _write_many(path: str, name: str) -> None:
    book = SqliteBook(path, "g1", sole=True)
    for i in range(60):
        assert book.raise_(f"{name}-{i}", [Rise(KEY, frozenset({f"{name}/{i}"}))], [], book.stamp())
        book.settle(f"{name}-{i}", Outcome.UNKNOWN)


def test_no_rise_is_lost_between_processes(tmp_path: Path) -> None:
    path = str(tmp_path / "labels.db")
    book = SqliteBook(path, "g1", sole=True)
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write_many, args=(path, name)) for name in ("p", "q")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [w.exitcode for w in writers] == [0, 0]
    assert label(book, KEY) == {f"{name}/{i}" for name in "pq" for i in range(60)}


def _leave_open(path: str) -> None:
    SqliteBook(path, "g1", sole=True).raise_("r9", [Rise(KEY, PII)], [], 0)


def test_what_a_dead_valve_left_open_is_told_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    path = str(tmp_path / "labels.db")
    book = SqliteBook(path, "g1", sole=True)
    put(book, "mine", one(STORE, "mine"), CARD)
    dead = multiprocessing.get_context("spawn").Process(target=_leave_open, args=(path,))
    dead.start()
    dead.join(60)
    assert [(record, rises[0].label) for record, rises in book.open()] == [("r9", PII)]


def test_a_failed_write_leaves_the_tags_that_another_one_brought_meanwhile(book: Book) -> None:
    put(book, "slow", KEY, PII)
    put(book, "quick", KEY, PII)
    book.settle("quick", Outcome.DONE)
    book.settle("slow", Outcome.FAILED)
    assert label(book, KEY) == PII


Step = tuple[str, str, frozenset[str], Outcome]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["raise", "settle"]),
        st.sampled_from(["w1", "w2", "w3"]),
        st.frozensets(st.sampled_from(["a", "b", "c"]), max_size=2),
        st.sampled_from(list(Outcome)),
    ),
    max_size=14,
)


@settings(max_examples=200, deadline=None)
@given(steps=STEPS, volatile=st.booleans())
def test_the_book_never_holds_less_than_what_may_be_in_the_cell(steps: list[Step], volatile: bool) -> None:
    """`authors` are the writes whose content may be in the cell now; the book does not see them."""
    book: Book = VolatileBook(sole=True) if volatile else SqliteBook(":memory:", "g1", sole=True)
    authors: dict[str, Label] = {}
    under_way: dict[str, str] = {}
    crossed: set[str] = set()
    for serial, (what, writer, tags, outcome) in enumerate(steps):
        if what == "raise" and writer not in under_way:
            ident = f"{writer}.{serial}"
            put(book, ident, KEY, tags)
            if under_way:
                crossed |= {ident, *under_way.values()}
            under_way[writer] = ident
            authors[ident] = tags
        elif what == "settle" and writer in under_way:
            ident = under_way.pop(writer)
            book.settle(ident, outcome)
            if outcome is Outcome.FAILED:
                del authors[ident]
            elif outcome is Outcome.DONE and ident not in crossed:
                authors = {ident: authors[ident]}
        assert label(book, KEY) >= frozenset().union(*authors.values())
    book.close()


def test_what_goes_wrong_within_a_write_leaves_nothing_of_it_and_the_next_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = SqliteBook(tmp_path / "labels.db", "g1", sole=True)
    stamp = book.stamp()
    rises = [Rise(KEY, PII, replaces=True), Rise(one(STORE, "c"), PII, replaces=True)]
    with monkeypatch.context() as broken:
        raised = book._raise_cell

        def second(record: str, row: tuple[str, ...], *more: object) -> None:
            if row[3] == "c":
                raise ValueError("the disk is full")
            raised(record, row, *more)  # type: ignore[arg-type]  # handed on as it came

        broken.setattr(book, "_raise_cell", second)
        with pytest.raises(BookError, match="the disk is full"):
            book.raise_("r1", rises, [], stamp)
    assert (book.stamp(), label(book, KEY)) == (stamp, frozenset())
    assert book.raise_("r1", rises, [], stamp)
    assert label(book, KEY) == PII


def test_a_file_that_does_not_answer_is_told_as_a_book_that_does_not(tmp_path: Path) -> None:
    book = SqliteBook(tmp_path / "labels.db", "g1", sole=True)
    stamp = book.stamp()
    book.close()
    for ask in (
        book.stamp,
        lambda: book.held([KEY]),
        lambda: book.raise_("r1", [Rise(KEY, PII, replaces=True)], [], stamp),
        lambda: book.settle("r1", Outcome.DONE),
        book.open,
    ):
        with pytest.raises(BookError):
            ask()
