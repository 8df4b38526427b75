"""What a request to another host says in its body, where a policy asks for it.

Knows JSON and HTML forms as any server might read them. Does not know what is asked for, nor why.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any
from urllib.parse import unquote_plus

from valve_aws.model.call import UNREAD, Head

Said = tuple[tuple[str, str], ...]

JSON = re.compile(r"application/([a-z0-9!#$&^_.+-]+\+)?json", re.ASCII)
FORM = "application/x-www-form-urlencoded"

MOST = 10_000
"""Fields of a form that are looked at, some 50 ms of work; a body with more is not read for certain."""


def said(head: Head, body: bytes, asked: Collection[str]) -> Said:
    """Return (JSON pointer, text) of what a body says at the pointers that are asked for, whoever reads it
    (RFC 6901; a form's field `f` is `/f`), and `UNREAD` beside it when that may not be all.

    Names without case, since some servers take them so; a name that is there twice is returned twice, since
    servers differ in which one they take; numbers as they are written. A JSON body is read as a form as well,
    and a form that begins like JSON is not read for certain, since some servers look at the body alone.
    Why no more than what is asked for: all the pointers into a body may be a thousand times as long as it.
    """
    if not body:
        return ()
    kind = (head.header("content-type") or "").partition(";")[0].strip().lower()
    if (head.header("content-encoding") or "identity").strip().lower() != "identity":
        return (UNREAD,)
    try:
        text = body.decode("utf-8")
        fields = tuple(pair for pair in _fields(text) if pair[0] in asked)
        if JSON.fullmatch(kind):
            return (*_document(text, asked), *fields)
    except (ValueError, RecursionError):
        return (UNREAD,)
    certain = kind == FORM and text.isascii() and not text.lstrip().startswith(("{", "[", "<"))
    return fields if certain else (UNREAD, *fields)


class _Object(tuple[tuple[str, Any], ...]):
    """An object's members, those included that are there twice."""

    __slots__ = ()


def _document(text: str, asked: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield (pointer, text) of what stands where it is asked for, "" for what has parts. Raises ValueError
    for what is not JSON (RFC 8259)."""
    whole = json.loads(
        text, object_pairs_hook=_Object, parse_int=str, parse_float=str, parse_constant=_no_number
    )
    steps = [name.split("/") for name in asked]
    towards = {"/".join(each[:length]) for each in steps for length in range(1, len(each) + 1)}
    left: list[tuple[str, Any]] = [("", whole)]
    while left:
        at, value = left.pop()
        inside = _inside(value)
        if at in asked:
            yield at, "" if inside is not None else value if isinstance(value, str) else json.dumps(value)
        left += [(there, part) for key, part in inside or () if (there := f"{at}/{_token(key)}") in towards]


def _inside(value: Any) -> Iterable[tuple[str, Any]] | None:
    if isinstance(value, _Object):
        return value
    return ((str(place), part) for place, part in enumerate(value)) if isinstance(value, list) else None


def _no_number(name: str) -> Any:
    raise ValueError(f"`{name}` is no JSON")


def _token(name: str) -> str:
    if "\0" in name:
        raise ValueError("some readers take a name to end there")
    return name.casefold().replace("~", "~0").replace("/", "~1")


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Yield (pointer, text) of each field; raises ValueError for more than are looked at.

    Why a second name: PHP drops spaces before a name, takes `.` and ` ` for `_`, and what is in brackets for
    a place within (its manual, "Variables From External Sources").
    """
    if text.count("&") + text.count(";") > MOST:
        raise ValueError("it has too many fields")
    for part in re.split("[&;]", text):
        name, _, value = part.partition("=")
        name, value = unquote_plus(name), unquote_plus(value)
        names = {name, re.sub("[ .]", "_", name.lstrip().partition("[")[0])} - {""}
        yield from ((f"/{_token(each)}", value) for each in sorted(names))
