"""What a service's own model demands of each operation: where its members stand, and what they may be.

Knows a contract as values. Does not know where it is written down nor what an operation does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from valve_aws.model.value import value


@value
class Member:
    """One member of a request, or a part of one."""

    kind: str
    """`string`, `integer`, `boolean`, `blob`, `structure`, `list`, `map` … as the model has it."""
    wire: str = ""
    """Its name on the wire."""
    place: str = ""
    """`uri`, `querystring`, `header`, or "" for the body."""
    required: bool = False
    least: float | None = None
    """The smallest number, or length."""
    most: float | None = None
    pattern: str = ""
    allowed: tuple[str, ...] = ()
    members: Mapping[str, Member] = field(default_factory=dict)
    """Of a structure, by their names."""
    key: Member | None = None
    """Of a map its keys."""
    part: Member | None = None
    """Of a list its elements, of a map its values."""


@value
class Asked:
    """One operation of a REST service."""

    name: str
    method: str
    uri: str
    """`/2015-03-31/functions/{FunctionName}`; after a `?` what the query has to say."""
    status: int
    """What a success answers."""
    members: Mapping[str, Member]
    payload: str = ""
    """The member that is the whole body, "" when the body holds the members without a place."""


Contract = Mapping[str, Asked]
"""Operation → what is asked."""
