"""How much one request may hold: what a service itself takes no more of, and what reading may cost at most.

Knows figures and the service's own words. Does not know what any of it means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from valve_aws.aws.unclear import Declined, Unclear

VALUES = 250_000
"""Values in one body. Why: reading one takes about a microsecond of the one loop that serves everybody, and
25 items of an embedding with 4,096 numbers each have 205,000."""

FIELDS = 20_000
"""Parameters of one form: ten messages with ten attributes each have 430."""

INFLATED = 4 << 20
"""Bytes of a body after decompression (SDKs compress metrics alone, of which CloudWatch takes 1 MB)."""

EXPRESSION = 4096
"""Bytes of one expression string as it is sent (DynamoDB developer guide, Constraints: expressions)."""

STATEMENT = 8192
"""Characters of one PartiQL statement (DynamoDB API reference, ExecuteStatement)."""

EXPRESSIONS = (
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
)

PARTS = ("TransactItems", "TransactStatements", "Statements")

SPEAKING = frozenset({*EXPRESSIONS, *PARTS, "Statement", "RequestItems"})
"""Members without which a request of DynamoDB's has no expression and no statement."""

STRING = re.compile(rb'"[^"]*+"?')
"""A JSON string in which nothing is escaped, to the end of the text if it has none."""


def count_json(body: bytes) -> None:
    """Raise `Unclear` for a JSON text with too many values; strings are looked into only when it may have."""
    if len(body) <= VALUES or _marks(body) <= VALUES:
        return
    # Why in this order: what is left behind a pair of backslashes is not escaped by the second.
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if _marks(STRING.sub(b"", plain)) > VALUES:
        raise Unclear(f"its body holds more than {VALUES:,} values")


def _marks(text: bytes) -> int:
    """Return how many values a text has at most: each but the first stands behind one of these."""
    return text.count(b",") + text.count(b"{") + text.count(b"[")


def count_fields(text: str, what: str) -> None:
    """Raise `Unclear` for a form or a query string with too many parameters."""
    if text.count("&") > FIELDS:
        raise Unclear(f"its {what} holds more than {FIELDS:,} parameters")


def declined(service: str, operation: str, params: Mapping[str, Any]) -> None:
    """Raise `Declined` for what the service would refuse unread.

    Why: emulators take it, and it keeps them busy for everybody else.
    """
    if service != "dynamodb" or SPEAKING.isdisjoint(params):
        return
    for name, text in expressions(params):
        size = len(text.encode("utf-8", "surrogatepass"))
        if name == "Statement" and len(text) > STATEMENT:
            problem = (
                "1 validation error detected: Value at 'statement' failed to satisfy constraint: "
                f"Member must have length less than or equal to {STATEMENT}"
            )
        elif name != "Statement" and size > EXPRESSION:
            problem = (
                f"Invalid {name}: Expression size has exceeded the maximum allowed size; "
                f"expression size: {size}"
            )
        else:
            continue
        raise Declined(f"{operation} has a {name} of {size:,} bytes", "ValidationException", problem)


def expressions(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (member, text) of every expression and statement, those of a batch's parts included."""
    for name in (*EXPRESSIONS, "Statement"):
        text = params.get(name)
        if isinstance(text, str):
            yield name, text
    for part in chain.from_iterable(params.get(name, ()) for name in PARTS):
        yield from expressions(part)
        for inner in part.values():
            if isinstance(inner, Mapping):
                yield from expressions(inner)
    requests = params.get("RequestItems")
    for request in requests.values() if isinstance(requests, Mapping) else ():
        if isinstance(request, Mapping):
            yield from expressions(request)
