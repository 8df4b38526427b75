"""The flow policy as read: who may learn what and where it may go.

Knows the meaning of each line. Does not know its syntax nor how it is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from valve_aws.model.source import NOWHERE, Where
from valve_aws.model.value import value
from valve_aws.model.verdict import Mode


@value
class Tags:
    """A list of tag patterns (fields `{x}` still open) and where it stands."""

    patterns: tuple[str, ...] = ()
    where: Where = NOWHERE


NONE = Tags()


@value
class CellRule:
    """What some cells of a store hold and accept, told by a pattern of their name.

    For objects `key` has the one entry ``{"": "{tenant}/*"}``; for items one entry a key attribute named.
    """

    key: Mapping[str, str]
    holds: Tags = NONE
    accepts: Tags = NONE
    where: Where = NOWHERE


@value
class StoreRule:
    """One line of `stores`."""

    target: str
    """A store's ARN, or a destination pattern (`https://api.stripe.com/*`, `ses:to/{email}`, `tcp://db:5432`)."""
    written: str = ""
    """As the policy names it (logical id, ARN, pattern): for messages."""
    holds: Tags = NONE
    accepts: Tags = NONE
    declares_accepts: bool = False
    sources: tuple[str, ...] | None = None
    """`from`: logical ids of the only functions that may write; None means any that is granted."""
    demands: Mapping[str, str | None] = field(default_factory=dict)
    """`with`: header in lower case, `?name` of the query, or `/pointer` into the body → the value that a
    request must give, as it is or as `sha256:` and 64 hexadecimal digits; None: it must not be there."""
    sealed: bool = False
    attributes: Mapping[str, Tags] = field(default_factory=dict)
    cells: tuple[CellRule, ...] = ()
    where: Where = NOWHERE


@value
class TagRule:
    """One line of `labels`. `only_to` None means no ceiling of its own."""

    tag: str
    only_to: tuple[str, ...] | None = None
    """Targets in the sense of `StoreRule.target`."""
    where: Where = NOWHERE


@value
class PresignRule:
    """One line of `may-presign`: links to a bucket's objects that may leave (law 17)."""

    bucket: str
    """Its ARN."""
    operations: tuple[str, ...]
    """S3's own names, of `PRESIGNABLE`."""
    keys: str
    """A pattern of the object's key. A field that the trigger authenticated has its value."""
    expires: int
    """The most seconds that a released link lives."""
    into: tuple[str, ...] = ()
    """Targets that such a link may be put into."""
    results: bool = True
    """Such a link may stand in a result."""
    where: Where = NOWHERE


PRESIGNABLE = ("GetObject", "HeadObject", "PutObject", "UploadPart", "DeleteObject")
"""What a released link may do. A form is a PutObject."""


@value
class FunctionRule:
    """One line of `functions`. None means not narrowed."""

    function: str
    clearance: Tags | None = None
    writes: tuple[str, ...] | None = None
    """Targets it may write to."""
    invokes: tuple[str, ...] | None = None
    """Logical ids or ARNs of functions it may invoke."""
    sources: tuple[str, ...] | None = None
    """`from`: logical ids of the only functions that may have it run, by invoking it or by what wakes it."""
    may_remove: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Tag → targets into which it may go without that tag (law 10)."""
    may_presign: tuple[PresignRule, ...] = ()
    where: Where = NOWHERE


@value
class LogRule:
    """`logs`: what a labelled environment's log lines may carry into log stores."""

    accepts: Tags = NONE
    release: Mapping[str, str] = field(default_factory=dict)
    """Name → regular expression of values that may leave a labelled line."""
    where: Where = NOWHERE


@value
class OperationRule:
    """One line of `operations`: an effect row declared by the user."""

    service: str
    operation: str
    writes: tuple[str, ...] = ()
    reveals: tuple[str, ...] = ()
    where: Where = NOWHERE


@value
class Grant:
    """One line of `grant`: these functions may open exits of these stores (law 8)."""

    functions: tuple[str, ...]
    configure: tuple[str, ...]
    why: str = ""
    where: Where = NOWHERE


@value
class FlowPolicy:
    """A whole policy file, names resolved against the stack. The empty one is what no file means (mode
    audit)."""

    mode: Mode = Mode.AUDIT
    tags: Mapping[str, TagRule] = field(default_factory=dict)
    stores: tuple[StoreRule, ...] = ()
    functions: Mapping[str, FunctionRule] = field(default_factory=dict)
    """By logical id."""
    events: Mapping[str, Tags] = field(default_factory=dict)
    """`Function.Event` → tags of its payload."""
    results: Mapping[str, Tags] = field(default_factory=dict)
    """`Function.Event`, or `default` → what a result may carry out."""
    logs: LogRule = LogRule()
    operations: tuple[OperationRule, ...] = ()
    grants: tuple[Grant, ...] = ()
    file: str = ""
