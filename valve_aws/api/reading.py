"""A request of a REST service to its operation and parameters, held against the service's contract.

Knows where members stand and the words of AWS's own validation. Does not know what an operation does. Source:
AWS restJson1 protocol; messages as the service gives them.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from valve_aws.api import runtimes
from valve_aws.api.fault import Fault
from valve_aws.model.contract import Asked, Contract, Member

LONGEST_SHOWN = 4096
"""Characters of a value that a message repeats."""


@dataclass(frozen=True, slots=True)
class Request:
    """What came in. Header names are in lower case."""

    method: str
    target: str
    """Path and query, as on the wire."""
    headers: Mapping[str, str]
    body: bytes = b""


class Reader:
    """Reads requests of one service."""

    def __init__(self, contract: Contract) -> None:
        self._by_method: dict[str, list[tuple[Asked, tuple[str, ...], dict[str, str]]]] = {}
        for asked in contract.values():
            path, _, query = asked.uri.partition("?")
            row = (asked, _segments(path), dict(parse_qsl(query, keep_blank_values=True)))
            self._by_method.setdefault(asked.method, []).append(row)
        for rows in self._by_method.values():
            # Why: where the query tells, who asks for more is meant.
            rows.sort(key=lambda row: (len(row[2]), -row[0].uri.count("{")), reverse=True)

    def read(self, request: Request) -> tuple[Asked, dict[str, Any]]:
        """Return the operation and its parameters by their names. Raises `Fault`."""
        path, _, query = request.target.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        segments = _segments(path)
        for asked, wanted, words in self._by_method.get(request.method, ()):
            labels = _labels(wanted, segments)
            if labels is not None and words.items() <= dict(pairs).items():
                params = _params(asked, labels, pairs, request)
                return asked, params
        raise Fault("UnknownOperationException", None)


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path.strip("/").split("/"))


def _labels(wanted: Sequence[str], given: Sequence[str]) -> dict[str, str] | None:
    if len(wanted) != len(given):
        return None
    found = {}
    for pattern, text in zip(wanted, given, strict=True):
        if pattern.startswith("{"):
            found[pattern.strip("{+}")] = unquote(text)
        elif pattern != unquote(text):
            return None
    return found


def _params(
    asked: Asked, labels: Mapping[str, str], pairs: Sequence[tuple[str, str]], request: Request
) -> dict[str, Any]:
    query: dict[str, list[str]] = {}
    for name, value in pairs:
        query.setdefault(name, []).append(value)
    body = _body(asked, request)
    params: dict[str, Any] = {}
    for name, member in asked.members.items():
        if name == asked.payload:
            params[name] = request.body
            continue
        match member.place:
            case "uri":
                given: Any = labels.get(member.wire)
            case "querystring":
                values = query.get(member.wire)
                given = values if values is None or member.kind == "list" else values[0]
            case "header":
                given = request.headers.get(member.wire.lower())
            case _:
                given = body.get(member.wire)
        if given is not None:
            params[name] = _typed(member, given, bool(member.place))
    if faults := list(_faults(asked.members, params, "")):
        count = f"{len(faults)} validation error{'s' * (len(faults) > 1)} detected: "
        raise Fault("ValidationException", count + "; ".join(faults))
    return params


def _body(asked: Asked, request: Request) -> Mapping[str, Any]:
    held = any(not m.place and n != asked.payload for n, m in asked.members.items())
    if asked.payload or not held or not request.body:
        return {}
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Fault("SerializationException", None) from error
    if not isinstance(found, dict):
        raise Fault("SerializationException", "Start of structure or map found where not expected.")
    return found


def _typed(member: Member, given: Any, written: bool) -> Any:
    """Return a value as its kind has it; `written` values stand in text. Raises `Fault`."""
    try:
        match member.kind:
            case "integer" | "long":
                if written:
                    return int(given)
                if isinstance(given, bool) or not isinstance(given, (int, float)):
                    raise ValueError(given)
                return int(given)
            case "float" | "double":
                return float(given)
            case "boolean":
                if written:
                    return {"true": True, "false": False}[str(given).lower()]
                if not isinstance(given, bool):
                    raise ValueError(given)
            case "string":
                if not isinstance(given, str):
                    raise ValueError(given)
            case "blob":
                return base64.b64decode(given, validate=True)
            case "structure":
                return {
                    name: _typed(inner, given[inner.wire], False)
                    for name, inner in member.members.items()
                    if given.get(inner.wire) is not None
                }
            case "list" if member.part:
                return [_typed(member.part, each, False) for each in given]
            case "map" if member.part:
                return {str(k): _typed(member.part, v, False) for k, v in given.items()}
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error) as error:
        raise Fault("SerializationException", None) from error
    return given


def _faults(members: Mapping[str, Member], params: Mapping[str, Any], place: str) -> Iterator[str]:
    for name, member in sorted(members.items(), key=lambda each: each[0] not in OWN):
        at = f"{place}{name[:1].lower()}{name[1:]}"
        value = params.get(name)
        if value is None:
            if member.required:
                yield f"Value null at '{at}' failed to satisfy constraint: Member must not be null"
            continue
        for constraint in _broken(member, value, name):
            shown = "" if member.kind == "blob" else _shown(value)[:LONGEST_SHOWN]
            yield f"Value '{shown}' at '{at}' failed to satisfy constraint: {constraint}"
        if member.kind == "structure":
            yield from _faults(member.members, value, f"{at}.")
        elif member.kind == "list" and member.part and member.part.kind == "structure":
            for i, each in enumerate(value, 1):
                yield from _faults(member.part.members, each, f"{at}.{i}.member.")


def _broken(member: Member, value: Any, name: str = "") -> Iterator[str]:
    """Yield what a value does not keep to, in the service's words."""
    if name in OWN:
        if name == "CompatibleRuntimes" and not {*value} <= {*runtimes.TAKEN, *runtimes.PAST}:
            yield runtimes.ENUM
        return
    if member.kind in {"string", "blob", "list", "map"}:
        if member.most is not None and len(value) > member.most:
            yield f"Member must have length less than or equal to {member.most}"
        if member.least is not None and len(value) < member.least:
            yield f"Member must have length greater than or equal to {member.least}"
    elif member.kind in {"integer", "long", "float", "double"}:
        if member.most is not None and value > member.most:
            yield f"Member must have value less than or equal to {member.most}"
        if member.least is not None and value < member.least:
            yield f"Member must have value greater than or equal to {member.least}"
    if member.kind == "string":
        if member.allowed and value not in member.allowed:
            yield _enumerated(member)
        if member.pattern and not _pattern(member.pattern).fullmatch(value):
            yield f"Member must satisfy regular expression pattern: {member.pattern}"
    elif member.kind == "list" and member.part and any(any(_broken(member.part, v)) for v in value):
        yield f"Member must satisfy constraint: [{', '.join(_constraints(member.part))}]"
    elif member.kind == "map" and member.part and member.key:
        if any(any(_broken(member.key, k)) for k in value):
            yield f"Map keys must satisfy constraint: [{', '.join(_constraints(member.key)[:-1])}]"
        if any(any(_broken(member.part, v)) for v in value.values()):
            yield f"Map value must satisfy constraint: [{', '.join(_constraints(member.part))}]"


def _constraints(member: Member) -> list[str]:
    """Return all that a part has to keep to, as the service lists it once one of them is broken."""
    what = "length" if member.kind in {"string", "blob"} else "value"
    found = []
    if member.most is not None:
        found.append(f"Member must have {what} less than or equal to {_number(member, member.most)}")
    if member.least is not None:
        found.append(f"Member must have {what} greater than or equal to {_number(member, member.least)}")
    if member.pattern:
        found.append(f"Member must satisfy regular expression pattern: {member.pattern}")
    if member.allowed:
        found.append(_enumerated(member))
    return [*found, "Member must not be null"]


def _number(member: Member, number: float) -> str:
    return str(float(number)) if member.kind in {"float", "double"} else str(int(number))


def _enumerated(member: Member) -> str:
    told = next((order for order in ORDERS if {*order} == {*member.allowed}), member.allowed)
    return f"Member must satisfy enum value set: [{', '.join(told)}]"


OWN = frozenset({"Runtime", "CompatibleRuntimes"})
"""Members whose values are told by the service itself: what is taken changes by the day."""

ORDERS = (
    ("Terminate", "Allow"),
    ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"),
    ("RESPONSE_STREAM", "BUFFERED"),
)
"""Values in the order of the service's messages, where it is not the model's."""


@lru_cache(512)
def _pattern(written: str) -> re.Pattern[str]:
    """Return a pattern of the model, which is in Java's dialect; one that Python cannot read fits all."""
    for theirs, ours in ((r"\p{L}", r"\w"), (r"\p{Z}", r"\s"), (r"\p{N}", r"\d"), (r"\p{M}", "")):
        written = written.replace(theirs, ours)
    try:
        return re.compile(written)
    except re.error:
        return re.compile(".*", re.DOTALL)


def _shown(value: Any) -> str:
    """Return a value as the service's messages show it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_shown(v) for v in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{k}={_shown(v)}' for k, v in value.items())}}}"
    return str(value)
