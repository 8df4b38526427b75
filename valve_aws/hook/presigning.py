"""Links that a handler makes: a presigned URL or form goes nowhere yet, so it is kept to be known again.

Knows where botocore makes one and how it is recognised. Does not know what it may do, nor where it may go.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

SIGNATURES = ("X-Amz-Signature", "Signature", "x-amz-signature", "signature")
"""Where a link has its signature, in a query string or in a form's fields."""

ANY_NAME = "${filename}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a link is made of, before it is signed."""

    client: Any
    operation: Any
    params: Mapping[str, Any]
    context: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """A link, signed."""

    asked: Asked
    text: str
    signatures: tuple[str, ...]
    """As they may stand in a text. Any of them tells the link: whoever has not the signature has no link."""
    seconds: int
    form: bool = False
    problem: str = ""


ASKED: ContextVar[Asked | None] = ContextVar("valve_presigning", default=None)


def of_url(asked: Asked, request: Mapping[str, Any], url: str, seconds: int) -> Made:
    """Return the link that a presigned URL is."""
    query = parse_qs(urlsplit(url).query)
    usual = asked.operation.http.get("method")
    problem = "" if request.get("method") == usual else "its method is not that of its operation"
    return Made(asked, url, _spelled(query), seconds, problem=problem)


def of_form(asked: Asked, fields: Mapping[str, str], seconds: int) -> Made:
    """Return the link that a presigned form is; botocore has its bucket in what it was asked for."""
    key = fields.get("key", "")
    put = asked.client.meta.service_model.operation_model("PutObject")
    params = {"Bucket": asked.params.get("Bucket", ""), "Key": key}
    problem = "its key is left to whoever posts it" if ANY_NAME in key else ""
    made = Asked(asked.client, put, params, asked.context)
    return Made(
        made, fields.get("policy", ""), _spelled({n: [v] for n, v in fields.items()}), seconds, True, problem
    )


def _spelled(found: Mapping[str, list[str]]) -> tuple[str, ...]:
    signature = next((found[name][0] for name in SIGNATURES if name in found), "")
    return tuple(dict.fromkeys(s for s in (signature, quote(signature, safe="")) if s))
