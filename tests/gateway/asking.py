"""Requests and routes for tests, made in one line.

Knows defaults. Does not know any test.
"""

from __future__ import annotations

from typing import Any

from valve_aws.triggers.gateway.asked import Asked
from valve_aws.triggers.gateway.routes import Api, Kind, Route, Taken

TIME = 1_700_000_000.123
IDENT = "6e0c2bd5-1f3b-4a44-9d0e-0a4f4c6a7b11"


def asked(target: str = "/", method: str = "GET", body: bytes = b"", **more: Any) -> Asked:
    """A request. Header names are keywords, `_` for `-`."""
    path, _, query = target.partition("?")
    headers = more.pop("headers", ())
    named = tuple((name.replace("_", "-"), value) for name, value in more.items())
    return Asked(method, path, query, (*headers, *named), body, "203.0.113.9", IDENT, TIME, "Root=1-a", 3000)


def api(kind: Kind, **more: Any) -> Api:
    stage = more.pop("stage", "prod" if kind is Kind.REST else "$default")
    return Api(kind, "abc123", "Front", stage, "123456789012", "eu-west-1", **more)


def route(kind: Kind, path: str = "/{proxy+}", method: str = "ANY", **more: Any) -> Route:
    of = {name: more.pop(name) for name in ("binary", "cors", "variables", "stage") if name in more}
    version = more.pop("version", "1.0" if kind is Kind.REST else "2.0")
    return Route(api(kind, **of), method, path, "F", "F.Get", version, **more)


def taken(kind: Kind, path: str = "/{proxy+}", parameters: Any = None, **more: Any) -> Taken:
    return Taken(route(kind, path, **more), parameters or {})
