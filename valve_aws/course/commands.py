"""What a course may ask for, and what it is answered.

Knows a small vocabulary. Does not know who carries a command out; `passage.driver` and the playbook do.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import field
from typing import Any, TypeVar

from valve_aws.model.call import Call, Link
from valve_aws.model.cell import Cell, Extent
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.ports import Outcome, Rise
from valve_aws.model.record import Record
from valve_aws.model.value import value
from valve_aws.model.verdict import Verdict, Way

# Invariant: the commands of the first group are carried out at once, without giving the loop to anybody else.
# What stands between two of them in a course is therefore atomic within this process.


@value
class Begin:
    """A new record id and the time. Answered by ``(ident, time)``; `time` is ISO 8601 UTC."""


@value
class Stamp:
    """The book's present. Answered by an int."""


@value
class Look:
    """What the book holds. Answered by `Held`."""

    extents: Sequence[Extent]
    since: int | None = None
    seen: Mapping[Cell, str] = field(default_factory=dict)
    """Versions that a reply showed."""


@value
class Raise:
    """Compare and raise. Answered by False when something watched has moved."""

    record: str
    rises: Sequence[Rise]
    watched: Sequence[Extent]
    stamp: int


@value
class Settle:
    """Close what a record opened. Answered by None."""

    record: str
    outcome: Outcome
    versions: Mapping[Cell, str] = field(default_factory=dict)
    created: Sequence[tuple[Cell, Label]] = ()
    removed: Sequence[Cell] = ()


@value
class Note:
    """Append a record. Answered by None, once it is on its way to survive us."""

    record: Record


@value
class Cut:
    """End an outgoing call whose bytes are still leaving. Answered by None."""

    record: str


@value
class Replace:
    """Let what `Sign` made take a link's place in what leaves. Answered by None."""

    link: Link


# The second group waits for somebody.


@value
class Pin:
    """Find out which version a link reads now, so that it reads no other once it is let go. Answered by
    `Pinned`."""

    link: Link


@value
class Pinned:
    """What a link that is let go reads."""

    version: str = ""
    """"": the store keeps no versions, or there is nothing yet; then it reads whatever will be there."""
    seen: Mapping[Cell, str] = field(default_factory=dict)


@value
class Sign:
    """Sign a link anew for the backend, for at most `seconds`; it is kept until `Replace`. Answered by
    None."""

    link: Link
    seconds: int
    version: str


@value
class Collect:
    """The whole body, of at most `limit` bytes. Answered by bytes; raises `Broken` when it is longer or
    does not come."""

    limit: int


@value
class Forward:
    """Send the call, written anew. Answered by a `Reply`; raises `Lost` when none came."""

    record: str
    call: Call
    carries: Label = CLEAN
    """The label of what is sent: an invoked function is admitted with it."""
    ways: tuple[Way, ...] = ()


@value
class Release:
    """Let the reply of `Forward` go to the function. Answered by None."""

    reply: Reply


@value
class Refuse:
    """Answer the function with the fixed text and the opaque id (law 14). Answered by None."""

    record: str
    call: Call | None
    verdict: Verdict


@value
class Fail:
    """Answer the function that the backend did not answer. Answered by None."""

    record: str
    call: Call


Command = (
    Begin
    | Stamp
    | Look
    | Raise
    | Settle
    | Note
    | Cut
    | Replace
    | Pin
    | Sign
    | Collect
    | Forward
    | Release
    | Refuse
    | Fail
)


@value
class Reply:
    """What came back, before it is released."""

    status: int
    outcome: Outcome
    versions: Mapping[Cell, str] = field(default_factory=dict)
    created: Sequence[Cell] = ()
    removed: Sequence[Cell] = ()
    seen: Mapping[Cell, str] = field(default_factory=dict)
    """The versions that the reply shows, for recognition (law 9)."""
    carries: Label = CLEAN
    """The label of the reply itself when the book cannot know it: an invoked function's result (law 11)."""
    ways: tuple[Way, ...] = ()
    whole: bool = False
    """It is here to its last byte, so releasing it waits for nobody but its reader."""
    held: str = ""
    """Which credential stood in what was sent, where the mode let it pass."""
    body: Any = None
    """The driver's own handle on the rest of the reply; a course never looks into it."""
    told: Callable[[], Reply] | None = None
    """Returns it with what became of the call, where nobody needs to know that before it is released; `seen`
    is empty then, and it is whole."""


class Lost(Exception):
    """No reply: the backend is gone, the connection broke, or the call was cut."""

    def __init__(self, outcome: Outcome, why: str) -> None:
        self.outcome = outcome
        super().__init__(why)


class Withheld(Exception):
    """A credential stands in what was being sent; it was cut before it was whole."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(what)


class Broken(Exception):
    """The request itself did not come whole."""


T = TypeVar("T")
Course = Generator[Command, Any, T]
"""A crossing: yields commands, is sent their answers, returns what became of it."""
