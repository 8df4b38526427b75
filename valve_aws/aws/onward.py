"""Where a request has content handed on to, by the one name that each place has, and whose key encrypts it
there.

Knows ARNs of targets and keys, and settings that carry them as JSON. Does not know which operation sets one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from valve_aws.aws import names
from valve_aws.aws.names import NotCanonical, Place

FORMS: Mapping[str, Callable[[str, Place], str]] = {
    "sqs": names.queue,
    "sns": lambda text, _: text if ":endpoint/" in text else names.topic(text),
    "lambda": lambda text, place: names.function(text, place)[0],
    "s3": lambda text, place: names.bucket(text, place.partition),
    "dynamodb": lambda text, _: names.table_of(text),
    "logs": lambda text, _: text.removesuffix(":*"),
}
"""Service → how a target of it is named; of any other service the ARN is the name."""


def target(text: str, place: Place) -> str:
    """Return the store of an ARN; a URL as it is, its scheme and host in lower case.

    Raises `NotCanonical` for anything else: where it leads cannot be told.
    """
    m = names.ARN.fullmatch(text)
    if m is not None:
        form = FORMS.get(m.group(2))
        return form(text, place) if form else text
    parts = urlsplit(text)
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise NotCanonical(f"`{text[:80]}` is no ARN and no URL, so where it leads cannot be told")
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower()).geturl()


def keyed(key: str | None, place: Place) -> str:
    """Return which exit it is to encrypt with a key; "" for one of this account, or none."""
    foreign = key and names.owner(names.kms_key(key, place)) != place.account
    return "encrypts with a key of another account" if foreign else ""


def redrive(given: Any, place: Place) -> list[str]:
    """Return the queue that a `RedrivePolicy` names; none when it names none.

    Raises `NotCanonical` where two readers could see two queues: twice the same key, a spelling of its own.
    """
    if not given:
        return []
    try:
        told = json.loads(given, object_pairs_hook=_once)
    except (ValueError, RecursionError, TypeError):
        raise NotCanonical("the redrive policy cannot be read with certainty") from None
    if told == {}:
        return []
    found = told.get("deadLetterTargetArn") if isinstance(told, dict) else None
    if not isinstance(found, str):
        raise NotCanonical("the redrive policy does not say its queue")
    return [target(found, place)]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len({name.lower() for name in told}) != len(pairs):
        raise ValueError("a name stands there twice")
    return told
