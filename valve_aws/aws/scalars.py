"""Single values: text to typed and back, by the kind that a shape names.

Knows numbers, booleans, timestamps and bytes as text. Does not know where in a request the text stood.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from valve_aws.aws.shapes import Shape
from valve_aws.aws.unclear import Unclear

INTEGER = re.compile(r"[+-]?\d{1,40}", re.ASCII)
DECIMAL = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,60})?|\.\d{1,60})(?:[eE][+-]?\d{1,4})?", re.ASCII)
ISO = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d(?::\d\d)?)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAMED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

DEFAULT_FORMATS = {
    "header": "rfc822",
    "query": "iso8601",
    "xml": "iso8601",
    "form": "iso8601",
    "json": "unixtimestamp",
}
"""How a timestamp is written when its shape does not say (Smithy protocol specifications)."""


def typed(shape: Shape, text: str, place: str) -> Any:
    """Return the typed value of `text`; raises `Unclear` when it is none of its kind."""
    kind = shape.kind
    if kind in {"string", "character"}:
        return text
    if kind == "boolean":
        if text.lower() in {"true", "false"}:
            return text.lower() == "true"
    elif kind in {"integer", "long"}:
        if INTEGER.fullmatch(text):
            return int(text)
    elif kind in {"float", "double"}:
        if text in NAMED:
            return NAMED[text]
        if DECIMAL.fullmatch(text):
            return float(text)
    elif kind == "timestamp":
        return moment(text, timestamp_format(shape, place))
    elif kind == "blob":
        return unbase64(text)
    raise Unclear(f"`{text[:40]}` is not a value of kind {kind}")


def written(shape: Shape, value: Any, place: str) -> str:
    """Return the text of a typed value; the inverse of `typed`."""
    kind = shape.kind
    if kind == "boolean":
        return "true" if value else "false"
    if kind in {"float", "double"}:
        return number_text(value)
    if kind == "timestamp":
        return str(moment_written(value, timestamp_format(shape, place)))
    if kind == "blob":
        return base64.b64encode(value).decode()
    return str(value)


def number_text(value: float) -> str:
    """Return a float as botocore writes it: Python's shortest form, or a name."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return str(value)


def timestamp_format(shape: Shape, place: str) -> str:
    """Return `iso8601`, `rfc822` or `unixtimestamp`."""
    form: str = shape.traits.get("timestampFormat") or DEFAULT_FORMATS[place]
    return form.lower()


def moment(value: Any, form: str) -> datetime:
    """Return the point in time, in UTC, that a number or text of the given format means.

    A number is read as such and ISO text as such, whatever the format: the two cannot be mistaken for each
    other, and SDKs differ. RFC 822 text is read where the format asks for it. """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return from_epoch(value)
    if not isinstance(value, str):
        raise Unclear(f"`{str(value)[:40]}` is not a point in time")
    iso = ISO.fullmatch(value)
    if iso:
        return from_iso(iso)
    if DECIMAL.fullmatch(value):
        return from_epoch(float(value))
    if form == "rfc822":
        from email.utils import parsedate_to_datetime
        try:
            found = parsedate_to_datetime(value)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            raise Unclear(f"`{value[:40]}` is not a point in time") from None
    raise Unclear(f"`{value[:40]}` is not a point in time")


def from_epoch(value: float) -> datetime:
    """Return the point in time of epoch seconds, to the microsecond."""
    try:
        whole = int(value)
        return EPOCH + timedelta(seconds=whole, microseconds=round((value - whole) * 1_000_000))
    except (OverflowError, ValueError):
        raise Unclear(f"`{value}` is not a point in time") from None


def from_iso(found: re.Match[str]) -> datetime:
    """Return the point in time of ISO 8601 text; without a zone it is UTC."""
    clock = found[2] if len(found[2]) > 5 else found[2] + ":00"
    fraction = (found[3] or "")[:7]
    try:
        at = datetime.fromisoformat(f"{found[1]}T{clock}{fraction.ljust(7, '0') if fraction else ''}"
                                    f"{(found[4] or 'Z').replace('Z', '+00:00')}")
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unclear(f"`{found[0]}` is not a point in time") from None


def moment_written(value: datetime, form: str) -> str | int | float:
    """Return a point in time in the given format; epoch seconds keep their fraction when there is one."""
    if form == "iso8601":
        return value.replace(tzinfo=None).isoformat() + "Z"
    if form == "rfc822":
        from email.utils import format_datetime
        return format_datetime(value.replace(microsecond=0), usegmt=True)
    whole = int((value - EPOCH) // timedelta(seconds=1))
    return whole + value.microsecond / 1_000_000 if value.microsecond else whole


def unbase64(text: str) -> bytes:
    """Return the bytes of strict base64 (RFC 4648 §4); line ends, as some SDKs of old put them, are passed
    over."""
    try:
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        raise Unclear("a binary value is not base64") from None
