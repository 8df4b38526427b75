"""The book in memory against the book in a file: whatever is done to both, both hold the same.

Knows the port's verbs. Does not know what a label means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valve_aws.labels import SqliteBook, VolatileBook
from valve_aws.model.cell import Cell, Extent, Part, Span
from valve_aws.model.ports import Book, Outcome, Rise
from valve_aws.model.verdict import Held

STORE = "arn:store"
NAMES = st.sampled_from(["", "a", "a/b", "m"])
ATTRIBUTES = st.sampled_from([None, None, frozenset(), frozenset({"x"})])
LABELS = st.frozensets(st.sampled_from(["p", "q"]), max_size=2)
VERSIONS = st.sampled_from(["", "v1", "v2"])
RECORDS = st.sampled_from(["r-1", "r-2"])
CELLS = st.builds(Cell, st.just(STORE), NAMES, st.just(Part.CONTENT), st.sampled_from(["", "", "x"]))
SPANS = st.sampled_from([Span.ONE, Span.ONE, Span.ONE, *Span])
EXTENTS = st.builds(Extent, st.just(STORE), st.just(Part.CONTENT), SPANS, NAMES, ATTRIBUTES, VERSIONS)
RISES = st.builds(Rise, EXTENTS, LABELS, replaces=st.booleans())
LOOKED_BACK = st.integers(0, 3)

Deed = Callable[[Book, int], Any]
"""What is done to a book at a stamp; what it answers is compared."""

DEEDS: st.SearchStrategy[Deed] = st.one_of(
    st.builds(
        lambda record, rises, watched: lambda book, stamp: book.raise_(record, rises, watched, stamp),
        RECORDS,
        st.lists(RISES, min_size=1, max_size=3),
        st.lists(EXTENTS, max_size=2),
    ),
    st.builds(
        lambda record, outcome, versions, created: (
            lambda book, _: book.settle(record, outcome, versions, created)
        ),
        RECORDS,
        st.sampled_from(list(Outcome)),
        st.dictionaries(CELLS, VERSIONS, max_size=2),
        st.lists(st.tuples(CELLS, LABELS), max_size=2),
    ),
    st.builds(lambda cells: lambda book, _: book.remove("r", cells), st.lists(CELLS, max_size=2)),
    st.builds(
        lambda cells: lambda book, _: book.know(cells),
        st.lists(st.tuples(CELLS, LABELS, VERSIONS), max_size=2),
    ),
)


def shown(held: Held) -> Any:
    """What is held, whichever of several cells a tag is shown to come from."""
    return [(each, found.label, found.complete, [w.tag for w in found.ways]) for each, found in held.items()]


@settings(max_examples=150, deadline=None)
@given(
    st.booleans(),
    st.lists(st.tuples(DEEDS, LOOKED_BACK), min_size=4, max_size=20),
    st.lists(EXTENTS, min_size=4, max_size=8),
    st.dictionaries(CELLS, VERSIONS, max_size=2),
)
def test_both_books_hold_the_same_whatever_is_done(
    sole: bool, deeds: list[tuple[Deed, int]], looks: list[Extent], seen: dict[Cell, str]
) -> None:
    file, memory = SqliteBook(":memory:", "g", sole=sole), VolatileBook(sole=sole)
    for deed, back in deeds:
        assert file.stamp() == memory.stamp()
        now = file.stamp()
        assert deed(file, now - back) == deed(memory, now - back)
        for since in (None, now - back):
            assert shown(file.held(looks, since)) == shown(memory.held(looks, since))
            assert shown(file.held(looks, since, seen)) == shown(memory.held(looks, since, seen))
    file.close()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(DEEDS, LOOKED_BACK, st.integers(0, 1)), min_size=4, max_size=20),
    st.lists(EXTENTS, min_size=4, max_size=8),
)
def test_two_valves_on_one_file_hold_what_one_book_in_memory_does(
    tmp_path_factory: pytest.TempPathFactory, deeds: list[tuple[Deed, int, int]], looks: list[Extent]
) -> None:
    """Each remembers what it has written, and the other one writes between."""
    path = tmp_path_factory.mktemp("books") / "labels.db"
    files, memory = [SqliteBook(path, "g", sole=True) for _ in range(2)], VolatileBook(sole=True)
    for deed, back, writer in deeds:
        now = memory.stamp()
        assert deed(files[writer], now - back) == deed(memory, now - back)
        for file in files:
            assert file.stamp() == memory.stamp()
            for since in (None, now - back):
                assert shown(file.held(looks, since)) == shown(memory.held(looks, since))
    for file in files:
        file.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(DEEDS, LOOKED_BACK, st.integers(0, 1)), min_size=4, max_size=20))
def test_two_valves_that_look_at_nothing_write_what_one_book_in_memory_does(
    tmp_path_factory: pytest.TempPathFactory, deeds: list[tuple[Deed, int, int]]
) -> None:
    """Why: a look asks the file whether anybody has written, and a write must not need that."""
    path = tmp_path_factory.mktemp("books") / "labels.db"
    files, memory = [SqliteBook(path, "g", sole=True) for _ in range(2)], VolatileBook(sole=True)
    for deed, back, writer in deeds:
        now = memory.stamp()
        assert deed(files[writer], now - back) == deed(memory, now - back)
    names, attributes = ("", "a", "a/b", "m", "?r-1", "?r-2"), (None, frozenset(), frozenset({"x"}))
    looks = [Extent(STORE, Part.CONTENT, Span.ONE, name, each) for name in names for each in attributes]
    for file in files:
        assert shown(file.held(looks, 0)) == shown(memory.held(looks, 0))
        file.close()
