"""What the rooms ask of one another, as Protocols.

Knows signatures. Does not know who answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from valve_aws.model.call import Call, Head, Key, Unreadable
from valve_aws.model.cell import Cell, Extent
from valve_aws.model.label import Label
from valve_aws.model.record import Record
from valve_aws.model.stack import KeySchema
from valve_aws.model.value import value
from valve_aws.model.verdict import Held, Way


class Outcome(StrEnum):
    """What became of a request that was sent."""

    DONE = "done"
    FAILED = "failed"
    """It certainly changed nothing."""
    UNKNOWN = "unknown"


@value
class Rise:
    """One cell, or every known cell of an extent, that is to carry at least `label` before bytes leave.

    `extent.attributes` None means the item itself; a set means those declared attributes, a cell each.
    """

    extent: Extent
    label: Label
    ways: tuple[Way, ...] = ()
    replaces: bool = False
    """True: on success the content is wholly new, so the cell's older label goes (law 9)."""


class Book(Protocol):
    """The memory of labels. Every method is short and synchronous; several processes may share one book.

    Raises `BookError` when it does not answer: then nothing passes (law 7).
    """

    def stamp(self) -> int:
        """Return a point in time of the book; rises after it are told by `raise_`."""

    def held(
        self, extents: Sequence[Extent], since: int | None = None, seen: Mapping[Cell, str] | None = None
    ) -> Held:
        """Return what each extent carries now, joined with all that it carried at any time since `since`.

        `seen` are versions that a reply showed: where the book has bound another one, the content is not
        recognised.
        """

    def raise_(self, record: str, rises: Sequence[Rise], watched: Sequence[Extent], stamp: int) -> bool:
        """Compare and raise: if a cell of `watched` rose after `stamp` change nothing and return False.

        Else every rise is durable (as far as the process's own death goes) on return: the cell carries old
        and new
        until `settle`. The rises are kept as open under `record`.
        """

    def settle(
        self,
        record: str,
        outcome: Outcome,
        versions: Mapping[Cell, str] | None = None,
        created: Sequence[tuple[Cell, Label]] = (),
    ) -> None:
        """Close what `record` opened. DONE: replaced cells lose their older label and get their new
        version; FAILED: the
        rise is taken back; UNKNOWN: old and new stay for good. `created` are cells whose names the reply
        gave (message ids)."""

    def remove(self, record: str, cells: Sequence[Cell]) -> None:
        """Leave tombstones: the content is gone, its label still counts for names and absences (law 9)."""

    def know(self, cells: Iterable[tuple[Cell, Label, str]]) -> None:
        """Take in what the operator put there: cell, label, version. What the cell carries already stays: a
        call may have raised it that is still to be sent."""

    def open(self) -> Sequence[tuple[str, Sequence[Rise]]]:
        """Return what was raised by a valve that has died since, and never settled."""

    def close(self) -> None:
        """Let go of the file."""


class BookError(Exception):
    """The book does not answer."""


class Sink(Protocol):
    """Where records go. A record is on its way to survive our death when `write` returns."""

    def write(self, record: Record) -> None:
        """Append one line."""


class Tables(Protocol):
    """How the tables of this stack tell their items apart."""

    def __call__(self, table: str, /) -> KeySchema | None:
        """Return the schema of a table by ARN; None when not known."""


class Reader(Protocol):
    """`aws/`: a request understood."""

    def peek(self, head: Head) -> int:
        """Return how many bytes of body must be read before the call is understood: 0 means it may be
        streamed."""

    def read(self, head: Head, body: bytes | None, key: Key) -> Call | Unreadable:
        """Understand one request that came from the environment that `key` was issued to. Never raises."""


Now = Callable[[], float]
"""Seconds since the epoch."""

Payload = Mapping[str, Any]
