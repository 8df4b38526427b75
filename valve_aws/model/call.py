"""One request of a function, before and after it has been understood.

Knows what a call is. Does not know how it is spelled on the wire nor whether it may pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from valve_aws.model.cell import Extent
from valve_aws.model.value import value


@value
class Origin:
    """What the valve itself knows about where a request came from and was meant to go (law 16).

    Nothing here is taken from bytes that the function wrote, but `sni` and `asked`, which are only compared.
    """

    environment: str
    scheme: str
    """`http` or `https`: what the connection really was."""
    address: str
    """The IP address that the function connected to."""
    port: int
    asked: str = ""
    """The name whose DNS answer gave that address, "" when an address was used directly."""
    sni: str = ""
    connect: str = ""
    """The authority of a CONNECT, `host:port`, "" when there was none."""


@value
class Head:
    """An HTTP request line and headers, read strictly; bytes kept as they were for SigV4.

    `target` is the origin-form target, raw (`/b/k%20x?versionId=1`). Header names are lower case, values
    stripped,
    order and duplicates kept. `host` is the effective host name (RFC 9112 §3.3), lower case, without port.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    host: str
    origin: Origin
    _first: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Why: a head is asked some twenty times for one of its headers.
        object.__setattr__(self, "_first", dict(reversed(self.headers)))

    def header(self, name: str) -> str | None:
        """Return the one value of a header; None when absent. Duplicates were refused by the reader of the
        head."""
        return self._first.get(name)


@value
class Key:
    """A placeholder credential that was issued to one environment (law 17)."""

    access_key: str
    secret_key: str
    token: str


@value
class Effect:
    """What one call does, computed from the request alone (law 2). Extents name cells canonically."""

    consults: tuple[Extent, ...] = ()
    """What the service looks at to carry the call out (conditions, copy sources, whole ranges of a query)."""
    reveals: tuple[Extent, ...] = ()
    """What the reply, its errors or its absence shows. Always taken as consulted too."""
    changes: tuple[Extent, ...] = ()
    """What is different for others afterwards."""
    delivers: tuple[str, ...] = ()
    """ARNs that the service hands the content on to (beside what the stack's own wiring delivers)."""
    opens: str = ""
    """Not "": the call opens an exit (law 8); a few words that say which."""
    blind: bool = False
    """The row proves that a write answers nothing about what was there (law 4)."""


@value
class Evidence:
    """Where in the function's source a call was made. From the shim: shown to people, never believed."""

    file: str = ""
    line: int = 0
    text: str = ""


UNREAD = ("//", "")
"""In `Call.stated`: a body was asked about that may say more than is told here."""


@value
class Call:
    """One crossing out of an environment, understood.

    `service` and `operation` are botocore's (`s3`, `CopyObject`); crossings that are not AWS calls have
    service
    `valve` and operation `Admit`, `Visit` (another host), `Connect` (raw TCP), `Result`, `Log`, `Resolve`,
    `Outcome` or `Presign`.
    """

    service: str
    operation: str
    region: str
    resources: tuple[str, ...]
    """Canonical ARNs of the stores touched (for `Visit` the URL without query, for `Connect` `tcp://host:port`)."""
    effect: Effect
    params: Mapping[str, Any] = field(default_factory=dict)
    """Typed parameters by botocore's member names; streaming bodies are left out."""
    actions: tuple[tuple[str, str], ...] = ()
    """(IAM action, resource ARN) pairs that the caller must be granted."""
    known: bool = True
    """False: no effect row; only a declaration in the policy lets it pass (law 7)."""
    access_key: str = ""
    """The key the request was signed with, verified; "" means unsigned."""
    foreign: str = ""
    """Not "": a plain sentence why this call leaves the perimeter whatever the policy says (foreign
    credential…)."""
    leaves: tuple[tuple[str, str], ...] = ()
    """(what, value): names in the request that leave with it although no cell is written (keys in a read,
    law 5)."""
    evidence: Evidence = Evidence()
    stated: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """What a `Visit` says beside its URL: (header, value), (`?name` of its query, value), and where the
    policy asks about it (`/pointer` into its body, value); names in lower case."""
    held: str = ""
    """Not "": which credential of this run stands in what leaves (law 17)."""
    links: tuple[Link, ...] = ()
    """Presigned URLs and forms of this run that stand in what leaves."""


@value
class Link:
    """A presigned URL or form made inside, found in something that leaves, and read as the call that it
    makes for whoever holds it (law 17)."""

    text: str
    """As it was found, decoded: a URL, or the policy of a form."""
    function: str
    """Logical id of the function that made it, whose call it stays."""
    environment: str
    call: Call
    ends: float = 0
    """Seconds since the epoch."""
    form: bool = False
    prefix: str | None = None
    """A form that takes any key which begins so; None: the one key of its call."""
    problem: str = ""
    """Not "": why it cannot be read with certainty, and so not be released."""


@value
class Unreadable:
    """A request that could not be read with certainty (law 7)."""

    problem: str
    service: str = ""
    operation: str = ""
    answer: tuple[str, str] = ("", "")
    """(error code, text) with which the service itself refuses such a request; it depends on nothing but the
    request, so the function may be told (law 14)."""
