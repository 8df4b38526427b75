"""An event from its shape: places filled with the values of options, texts made of what is within them.

Knows places (`${name}`, `${name|encoding}`) and wrappings (`{"$gzip": …}`). Does not know any event.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_from_bytes

PLACE = re.compile(r"\$\{([A-Za-z0-9-]+)(?:\|([a-z0-9]+))?\}")

ENCODINGS: Mapping[str, Callable[[bytes], str]] = {
    "base64": lambda value: base64.b64encode(value).decode(),
    "md5": lambda value: hashlib.md5(value, usedforsecurity=False).hexdigest(),
    "url": quote_from_bytes,
}
"""`url` leaves `/` as it is, as keys in S3's notifications have it (S3 user guide, event message
structure)."""


def filled(shape: Any, given: Mapping[str, str]) -> Any:
    """Return an event as JSON values: every place in its texts filled with its option's value.

    Invariant: a value only ever becomes part of one text or, where the place is `${name|json}`, the one value
    that it reads as; whatever it holds, the event keeps its shape and stays JSON. Raises KeyError for a place
    without a value.
    """
    if isinstance(shape, str):
        return _text(shape, given)
    if isinstance(shape, list):
        return [filled(each, given) for each in shape]
    if not isinstance(shape, dict):
        return shape
    wrapping = next(iter(shape), "")
    if wrapping in WRAPPINGS:
        return WRAPPINGS[wrapping](filled(shape[wrapping], given))
    return {key: filled(each, given) for key, each in shape.items()}


def _text(shape: str, given: Mapping[str, str]) -> Any:
    whole = PLACE.fullmatch(shape)
    if whole and whole[2] == "json":
        return _value(given[whole[1]])
    return PLACE.sub(lambda place: _encoded(given[place[1]], place[2]), shape)


def _encoded(value: str, encoding: str | None) -> str:
    # Why: a word of the command line that is not UTF-8 comes with each odd byte as half a surrogate pair.
    content = value.encode("utf-8", "surrogateescape")
    return ENCODINGS[encoding](content) if encoding else content.decode("utf-8", "replace")


def _value(written: str) -> Any:
    """Return what a text says as JSON, or else the text itself, as SAM does."""

    def none_of_json(name: str) -> Any:
        raise ValueError(name)

    text = _encoded(written, None)
    try:
        return json.loads(text, parse_constant=none_of_json)
    except (ValueError, RecursionError):
        return text


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _gzipped(value: Any) -> str:
    return base64.b64encode(gzip.compress(_compact(value).encode(), mtime=0)).decode()


WRAPPINGS: Mapping[str, Callable[[Any], str]] = {"$json": _compact, "$gzip": _gzipped}
"""How services put JSON into a text: as it is, or compressed and in base64 (CloudWatch Logs user guide,
subscription filters)."""
