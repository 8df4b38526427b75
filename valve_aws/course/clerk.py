"""The commands of a course that wait for nobody, carried out with a book and a sink.

Knows which port answers which command. Does not know who sends anything, nor in what order things are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from valve_aws.course import commands as ask
from valve_aws.model.ports import Book, BookError, Outcome, Sink
from valve_aws.model.record import Record
from valve_aws.model.value import value


@value
class Clerk:
    """Writes into the book and the records of one run what its courses ask for."""

    book: Book
    sink: Sink
    seen: Callable[[Record], None]
    """Told of every record, after it is kept."""
    begin: Callable[[], tuple[str, str]]
    """A new record's id, and the time."""

    def at_once(self, command: ask.Command) -> Any:
        """Carry out a command that waits for nobody. `Cut` is whoever's who sends."""
        return DEEDS.get(type(command), _nobody)(self, command)


def _settle(clerk: Clerk, it: ask.Settle) -> None:
    clerk.book.settle(it.record, it.outcome, it.versions, it.created)
    if it.removed and it.outcome is Outcome.DONE:
        clerk.book.remove(it.record, it.removed)


def _note(clerk: Clerk, it: ask.Note) -> None:
    try:
        clerk.sink.write(it.record)
    except BookError:
        if it.record.verdict == "refuse":
            clerk.seen(it.record)  # Why: it happens although no record can be kept of it
        raise
    clerk.seen(it.record)


def _nobody(_: Clerk, command: ask.Command) -> None:
    raise TypeError(f"nobody carries out `{type(command).__name__}` here")


DEEDS: Mapping[type, Callable[[Clerk, Any], Any]] = {
    ask.Begin: lambda clerk, _: clerk.begin(),
    ask.Stamp: lambda clerk, _: clerk.book.stamp(),
    ask.Look: lambda clerk, it: clerk.book.held(it.extents, it.since, it.seen),
    ask.Raise: lambda clerk, it: clerk.book.raise_(it.record, it.rises, it.watched, it.stamp),
    ask.Settle: _settle,
    ask.Note: _note,
}
"""Why a table: a call asks for some eight, and trying one pattern after the other takes longer than the
deed."""
