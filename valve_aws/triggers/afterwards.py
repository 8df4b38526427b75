"""What becomes of an event that nobody waits for: tries, age, and who is told of its end.

Knows Lambda's asynchronous invocation (Lambda developer guide, "Asynchronous invocation", "Adding a
destination"). Does not know how anybody is told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from valve_aws.model.stack import Afterwards

DELAYS = (60.0, 120.0)
"""Seconds before the second and the third try of an event that a function failed with."""

TOLD = 1024
"""Bytes of an error's message that go beside a dead letter."""


class End(StrEnum):
    """Why an event is not tried any more, in the words of a destination's `condition`."""

    SUCCESS = "Success"
    EXHAUSTED = "RetriesExhausted"
    AGED = "EventAgeExceeded"
    UNRESERVED = "ZeroReservedConcurrency"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a try came to."""

    payload: bytes
    failed: bool


def next_turn(turns: int) -> float:
    """Return the seconds until an event is tried again that was throttled `turns` times; such tries do not
    count (Lambda developer guide, "Asynchronous invocation": from a second up to five minutes)."""
    return float(min(2 ** min(turns - 1, 9), 300))


def next_try(rules: Afterwards, tries: int, age: float) -> float | End:
    """Return the seconds until an event is tried again that has failed, or why it is not.

    `tries` are those so far, `age` the seconds since the event arrived.
    """
    if tries > rules.retries:
        return End.EXHAUSTED
    delay = DELAYS[min(tries, len(DELAYS)) - 1]
    # Why when it is just as old, too: on AWS some time has passed until it comes to that.
    return End.AGED if age + delay >= rules.age else delay


def ended(
    ident: str, function: str, event: bytes, attempt: Attempt | None, end: End, tries: int, time: float
) -> bytes:
    """Return the invocation record that a destination gets. `function` is the ARN that was invoked;
    `attempt` None: there was none."""
    given = (ident, function, event, attempt, end, tries, time)
    try:
        return _record(*given, _content)
    except RecursionError:  # Why: JSON that can be read may be too deep to be written again within another
        return _record(*given, _text)


def _record(
    ident: str,
    function: str,
    event: bytes,
    attempt: Attempt | None,
    end: End,
    tries: int,
    time: float,
    content: Callable[[bytes], Any],
) -> bytes:
    told: dict[str, Any] = {
        "version": "1.0",
        "timestamp": stamp(time),
        "requestContext": {
            "requestId": ident,
            "functionArn": qualified(function),
            "condition": str(end),
            "approximateInvokeCount": tries,
        },
        "requestPayload": content(event),
    }
    if attempt is not None:
        told["responseContext"] = {
            "statusCode": 200,
            "executedVersion": qualified(function).rsplit(":", 1)[1],
            **({"functionError": "Unhandled"} if attempt.failed else {}),
        }
        told["responsePayload"] = content(attempt.payload)
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def dead_letter(ident: str, attempt: Attempt | None) -> Mapping[str, tuple[str, str]]:
    """Return the attributes, (type, value) by name, beside an event that goes to a dead letter queue."""
    error = _content(attempt.payload) if attempt else None
    message = error.get("errorMessage") if isinstance(error, dict) else None
    said = str(message or "") or ("the event's age exceeded its maximum" if attempt is None else "error")
    return {
        "RequestID": ("String", ident),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", said.encode()[:TOLD].decode("utf-8", "ignore")),
    }


def qualified(arn: str) -> str:
    """Return a function's ARN with its qualifier, `$LATEST` when it has none."""
    return arn if arn.count(":") > 6 else f"{arn}:$LATEST"


def stamp(time: float) -> str:
    """Return a time as Lambda's own events have it, with milliseconds."""
    text = datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def whole(time: float) -> str:
    """Return a time in whole seconds, as other services write it: `2024-01-31T10:20:30Z`."""
    return f"{stamp(time)[:-5]}Z"


def key(place: str, time: float, ident: str) -> str:
    """Return the key under which a bucket gets an invocation record (Lambda developer guide, "Retaining
    records of asynchronous invocations"). `ident` is its last part, a UUID of its own."""
    second = stamp(time)[:-5]
    return f"aws/lambda/{place}/{second[:10].replace('-', '/')}/{second.replace(':', '.')}-{ident}"


def _content(payload: bytes) -> Any:
    """Return a payload's value; of one that is no JSON its text."""
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return _text(payload)


def _text(payload: bytes) -> str:
    return payload.decode("utf-8", "replace")
