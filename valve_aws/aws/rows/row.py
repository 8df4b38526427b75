"""What a row of the effect tables is made of, and the words it is written in.

Knows rows, requests and selectors. Does not know any service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from valve_aws.aws import names
from valve_aws.aws.names import NotCanonical, Place
from valve_aws.model.cell import Extent, Part, Span
from valve_aws.model.ports import Tables


class Asked:
    """One request as the selectors see it. `memo` keeps what several selectors of one row work out."""

    __slots__ = ("memo", "operation", "params", "place", "tables")

    def __init__(self, operation: str, params: Mapping[str, Any], place: Place, tables: Tables) -> None:
        self.operation = operation
        self.params = params
        self.place = place
        self.tables = tables
        self.memo: dict[str, Any] = {}


MOST = 1000
"""Things that one request may name: what DeleteObjects takes, the most of all operations (S3 API)."""


def listed(found: Any) -> Any:
    """Return a list of a request as it is; raises `NotCanonical` when it is longer than any service takes.

    Why: each entry costs look-ups in the book, and while those of one request are made no other is served.
    """
    if len(found) > MOST:
        raise NotCanonical(f"it names {len(found)} things at once; no operation takes more than {MOST}")
    return found


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Given(Generic[T]):
    """A word that says nothing of a request which gives none of `members`: it is not asked then."""

    members: frozenset[str]
    word: Callable[[Asked], T]

    def __call__(self, asked: Asked) -> T:
        return self.word(asked)


Extents = Callable[[Asked], Iterable[Extent]]
Texts = Callable[[Asked], Iterable[str]]
Pairs = Callable[[Asked], Iterable[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Row:
    """What one operation does. Every column but `why` is words of the service's vocabulary, separated by
    spaces.
    """

    operation: str
    why: str
    """Why the row is right: what the reply shows, what the service looks at, what is different afterwards."""
    consults: str = ""
    """What goes into the effect without showing in the reply (a copy's source)."""
    reveals: str = ""
    """What the reply, an error or an absence shows, conditions and filters included."""
    changes: str = ""
    """What is different for others afterwards. Additions to what is there consult what they add to."""
    delivers: str = ""
    """Words of `arns`: where the service hands content on to because the request says so."""
    opens: str = ""
    """A word of `openers` for what depends on the request, else the text itself: which exit it opens (law
    8).
    """
    blind: str = ""
    """`always`, or a word of `proofs`: the reply tells nothing of what it changes, beyond what `reveals` has
    (law 4).
    """
    actions: str = ""
    """`iam:Action@word` pairs; the word is one of `arns` and gives no ARN, one, or many."""
    leaves: str = ""
    """`what=Member` pairs, or words of `leaves`: names that leave with the request (law 5). Members may be
    paths with dots.
    """


@dataclass(frozen=True, slots=True)
class Service:
    """One service's rows and the vocabulary that they use."""

    rows: tuple[Row, ...]
    extents: Mapping[str, Extents] = field(default_factory=dict)
    arns: Mapping[str, Texts] = field(default_factory=dict)
    openers: Mapping[str, Callable[[Asked], str]] = field(default_factory=dict)
    proofs: Mapping[str, Callable[[Asked], bool]] = field(default_factory=dict)
    leaves: Mapping[str, Pairs] = field(default_factory=dict)


def whole(stores: Texts, *kinds: tuple[Part, Span]) -> Extents:
    """Return the word for parts of whole stores. `ONE` is the cell without a name, which stands for the store
    itself.

    Why changes say ONE where reads say ALL: a figure or a setting changes as one cell, and whoever sees any
    sees it.
    """
    return lambda asked: [Extent(store, part, span) for store in stores(asked) for part, span in kinds]


def account(service: str) -> Texts:
    """Return the word for the names and figures of all stores of a service in the request's account."""
    return lambda asked: [names.account(asked.place, service)]


def anything(_: Asked) -> list[str]:
    """IAM's resource of operations that take none."""
    return ["*"]
