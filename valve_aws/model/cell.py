"""What carries a label, and how a part of a store is named.

Knows the shape of canonical names. Does not know how any service spells them; `aws/` makes them canonical.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from valve_aws.model.value import value


class Part(StrEnum):
    """Which of a store's kinds of content is meant."""

    CONTENT = "content"
    """Objects, messages, items, records, payloads, secrets, parameters."""
    NAMES = "names"
    """The keys in a bucket, the ids in a queue, the names of stores: that something is there (law 5)."""
    COUNTS = "counts"
    """Sizes, counters and other figures about the store."""
    CONFIG = "config"
    """How the store is set up: policy, tags, attributes of the store itself."""


class Span(StrEnum):
    """How much of the part is meant."""

    ONE = "one"
    """The one cell that is called `name`."""
    PREFIX = "prefix"
    """Every cell whose name starts with `name`."""
    ALL = "all"
    NEW = "new"
    """A cell that does not exist yet and whose name only the reply will give (a message id). Only changes
    have it;
    the book keeps it under the record's own id until the reply is settled."""


CONTENT, NAMES, COUNTS, CONFIG = Part
ONE, PREFIX, ALL, NEW = Span
"""Why also by these names: on Python 3.11 a member that is asked of its class takes five times as long, and
each call asks some thirty times."""


@value
class Cell:
    """The canonical name of one thing that carries a label (law 7: one cell has one name).

    `store` is the store's ARN. `name` is, by service:
    S3 the object key, decoded, as it is (a part of an upload under way: key NUL upload id NUL number);
    DynamoDB the key attributes in schema order, each percent-escaped (`/` and `%` and control characters),
    joined by `/`; numbers in canonical decimal, bytes in base64;
    SQS the message id; Lambda the invocation id; Secrets Manager and SSM "" (the store is the secret).
    `attribute` is a DynamoDB attribute that the policy declares, else "".
    """

    store: str
    name: str
    part: Part = Part.CONTENT
    attribute: str = ""

    def __str__(self) -> str:
        tail = f"/{self.name}" if self.name else ""
        return f"{self.store}{tail}" + (f".{self.attribute}" if self.attribute else "")


@value
class Extent:
    """A part of one store that a call depends on or changes: one cell, a range of them, or all."""

    store: str
    part: Part = Part.CONTENT
    # Why hashed by three of six: a call looks an extent up some ten times, and they tell nearly all apart.
    span: Span = field(default=Span.ALL, hash=False)
    name: str = ""
    attributes: frozenset[str] | None = field(default=None, hash=False)
    """DynamoDB: the top-level attributes that are touched; None means every one of them."""
    version: str = field(default="", hash=False)
    """What the request pins (S3 VersionId or ETag); "" means whatever is current."""


def one(store: str, name: str, part: Part = Part.CONTENT, attributes: frozenset[str] | None = None) -> Extent:
    """Return the extent of exactly one cell."""
    return Extent(store, part, Span.ONE, name, attributes)
