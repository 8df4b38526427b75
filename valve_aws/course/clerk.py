"""The commands of a course that wait for nobody, carried out with a book and a sink.

Knows which port answers which command. Does not know who sends anything, nor in what order things are asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from valve_aws.course import commands as ask
from valve_aws.model.ports import Book, BookError, Outcome, Sink
from valve_aws.model.record import Record


@dataclass(frozen=True, slots=True)
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
        match command:
            case ask.Begin():
                return self.begin()
            case ask.Stamp():
                return self.book.stamp()
            case ask.Look(extents, since, seen):
                return self.book.held(extents, since, seen)
            case ask.Raise(record, rises, watched, stamp):
                return self.book.raise_(record, rises, watched, stamp)
            case ask.Settle(record, outcome, versions, created, removed):
                self.book.settle(record, outcome, versions, created)
                if removed and outcome is Outcome.DONE:
                    self.book.remove(record, removed)
            case ask.Note(record):
                try:
                    self.sink.write(record)
                except BookError:
                    if record.verdict == "refuse":
                        self.seen(record)  # Why: it happens although no record can be kept of it
                    raise
                self.seen(record)
            case _:
                raise TypeError(f"nobody carries out `{type(command).__name__}` here")
        return None
