"""What the judgement answers: never a bool, always with its reasons.

Knows the shape of a verdict and of what is held. Does not know how one is reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from valve_aws.model.cell import Cell, Extent
from valve_aws.model.label import CLEAN, Label, Tag
from valve_aws.model.source import NOWHERE, Where
from valve_aws.model.value import value


class Mode(StrEnum):
    """How strong the guard is (design: Modes)."""

    OFF = "off"
    AUDIT = "audit"
    ENFORCE = "enforce"


OFF, AUDIT, ENFORCE = Mode
"""Why also by these names: see `model.cell.CONTENT`."""


class Rule(StrEnum):
    """Which rule spoke. The value is what a record and a refusal show."""

    UNREADABLE = "unreadable"
    UNKNOWN = "unknown-operation"
    CREDENTIAL = "foreign-credential"
    HELD = "held-credential"
    PRESIGNED = "presigned"
    PERIMETER = "perimeter"
    GRANT = "not-granted"
    CONFIGURE = "opens-an-exit"
    CLEARANCE = "clearance"
    ACCEPTS = "accepts"
    FROM = "from"
    ONLY_TO = "only-to"
    WRITES = "writes"
    INVOKES = "invokes"
    HOST = "undeclared-host"
    WITH = "with"
    RESULT = "result"
    LOG = "log"
    FIELD = "unfilled-field"
    BOOK = "book"
    DECLASSIFY = "declassify"


@value
class Reason:
    """One reason of a verdict, for people and for records."""

    rule: Rule
    text: str
    where: Where = NOWHERE
    """The line of the policy or the template that decided it."""
    store: str = ""
    excess: Label = CLEAN
    fixes: tuple[str, ...] = ()
    """Smallest changes that would allow it, each `where: change`, with what else it opens."""


@value
class Way:
    """How one tag came: out of which cell, or from which line of the policy."""

    tag: Tag
    cell: Cell | None = None
    where: Where = NOWHERE
    record: str = ""
    """The record that put the tag on that cell, "" when it was there from the start."""


@value
class Holding:
    """What the book knows of one extent."""

    label: Label = CLEAN
    complete: bool = True
    """False: there may be content in the extent that the book does not recognise (law 9)."""
    ways: tuple[Way, ...] = ()
    """For each tag one cell of the extent that carries it."""


Held = Mapping[Extent, Holding]


@value
class Verdict:
    """What is to happen with one call.

    `refused` lists the reasons against it; in `audit` and `off` a call may pass although the list is not
    empty
    (`passes`). `joins` is what the environment's label rises by, refusal or not: a refusal that looked at
    cells is a
    read of them (law 14). `writes` is the label of what goes out, after declassification.
    """

    passes: bool
    refused: tuple[Reason, ...] = ()
    allowed: tuple[Reason, ...] = ()
    joins: Label = CLEAN
    writes: Label = CLEAN
    ways: tuple[Way, ...] = ()
    rises: tuple[Extent, ...] = ()
    """The extents whose cells must carry `writes` before the first byte leaves."""
    cells: Mapping[str, Label] = field(default_factory=dict)
    """For the record: the labels found, by cell or extent as text."""
    probed: tuple[str, ...] = ()
    """Stores that accept more than was found there: that it was not is what the caller learns, a bit a cell,
    and no label tells."""


@value
class Principal:
    """Who calls: one environment at one moment, as the judgement sees it."""

    environment: str
    function: str
    """Logical id."""
    label: Label = CLEAN
    ways: tuple[Way, ...] = ()
    trigger: str = ""
    """`Function.Event` when the invocation came from a trigger, else ""."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """What the trigger authenticated, flattened (`requestContext.authorizer.claims.sub`), to fill `{…}`
    with."""
