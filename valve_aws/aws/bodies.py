"""What a request to another host says in its body, so that a policy can ask for it.

Knows JSON and HTML forms as any server might read them. Does not know what is asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from valve_aws.model.call import UNREAD, Head

Said = tuple[tuple[str, str], ...]

JSON = re.compile(r"application/([a-z0-9!#$&^_.+-]+\+)?json", re.ASCII)
FORM = "application/x-www-form-urlencoded"


def said(head: Head, body: bytes) -> Said:
    """Return (JSON pointer, text) of all that a body says, whoever reads it (RFC 6901; a form's field `f` is
    `/f`), and `UNREAD` beside it when that may not be all.

    Names without case, since some servers take them so; a name that is there twice is returned twice, since
    servers differ in which one they take; numbers as they are written. A JSON body is read as a form as well,
    and a form that begins like JSON is not read for certain, since some servers look at the body alone.
    """
    if not body:
        return ()
    kind = (head.header("content-type") or "").partition(";")[0].strip().lower()
    if (head.header("content-encoding") or "identity").strip().lower() != "identity":
        return (UNREAD,)
    try:
        text = body.decode("utf-8")
        fields = tuple(_fields(text))
        if JSON.fullmatch(kind):
            return (*_document(text), *fields)
    except (ValueError, RecursionError):
        return (UNREAD,)
    certain = kind == FORM and text.isascii() and not text.lstrip().startswith(("{", "[", "<"))
    return fields if certain else (UNREAD, *fields)


class _Members(tuple[tuple[str, Any], ...]):
    """An object's members, those included that are there twice."""

    __slots__ = ()


def _document(text: str) -> Iterator[tuple[str, str]]:
    """Yield (pointer, text) of each leaf. Raises ValueError for what is not JSON (RFC 8259)."""
    whole = json.loads(
        text, object_pairs_hook=_Members, parse_int=str, parse_float=str, parse_constant=_no_number
    )
    left: list[tuple[str, Any]] = [("", whole)]
    while left:
        at, value = left.pop()
        if isinstance(value, _Members):
            left += [(f"{at}/{_token(name)}", inner) for name, inner in value]
        elif isinstance(value, list):
            left += [(f"{at}/{number}", inner) for number, inner in enumerate(value)]
        elif at:
            yield at, value if isinstance(value, str) else json.dumps(value)
        if at and isinstance(value, (_Members, list)):
            yield at, ""  # Why: that something is there is said, whatever it is


def _no_number(name: str) -> Any:
    raise ValueError(f"`{name}` is no JSON")


def _token(name: str) -> str:
    if "\0" in name:
        raise ValueError("some readers take a name to end there")
    return name.casefold().replace("~", "~0").replace("/", "~1")


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Yield (pointer, text) of each field.

    Why a second name: PHP drops spaces before a name, takes `.` and ` ` for `_`, and what is in brackets for
    a place within (its manual, "Variables From External Sources").
    """
    for part in re.split("[&;]", text):
        name, _, value = part.partition("=")
        name, value = unquote_plus(name), unquote_plus(value)
        if not name:
            continue
        names = {name, re.sub("[ .]", "_", name.lstrip().partition("[")[0]) or name}
        yield from ((f"/{_token(each)}", value) for each in sorted(names))
