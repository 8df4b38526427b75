"""Which route of an API a request takes.

Knows how API Gateway chooses between routes (API Gateway developer guide, "Routing API requests"). Does not
know what happens on a route.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from valve_aws.model.stack import Function


class Kind(StrEnum):
    """Which service stands in front of a function."""

    REST = "REST"
    HTTP = "HTTP"
    URL = "URL"


@dataclass(frozen=True, slots=True)
class Authorizer:
    """Who judges requests before a function sees them."""

    name: str
    kind: str
    """`TOKEN`, `REQUEST` (both a function), `JWT`, `COGNITO`, `IAM`, or `UNKNOWN`."""
    function: str = ""
    """Logical id of the function that judges."""
    sources: tuple[str, ...] = ()
    """Where the identity stands: `$request.header.Authorization`, `method.request.querystring.token` …"""
    pattern: str = ""
    """A token that does not fit this expression is not passed on."""
    version: str = "1.0"
    """Payload format of a REQUEST authorizer of an HTTP API."""
    simple: bool = False
    """It answers `{"isAuthorized": …}` in place of an IAM policy."""
    issuer: str = ""
    audience: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cors:
    """What an API says to other origins' scripts; texts are header values as they are sent."""

    origins: tuple[str, ...] = ()
    methods: str = ""
    headers: str = ""
    exposed: str = ""
    age: str = ""
    credentials: bool = False


@dataclass(frozen=True, slots=True)
class Api:
    """One API, or the URL of one function."""

    kind: Kind
    ident: str
    logical: str
    stage: str
    account: str
    region: str
    variables: Mapping[str, str] = field(default_factory=dict)
    binary: tuple[str, ...] = ()
    """Media types that a REST API takes as bytes; `*/*` is all."""
    cors: Cors | None = None

    @property
    def host(self) -> str:
        """Return the name under which AWS would serve it."""
        middle = "lambda-url" if self.kind is Kind.URL else "execute-api"
        ending = "on.aws" if self.kind is Kind.URL else "amazonaws.com"
        return f"{self.ident}.{middle}.{self.region}.{ending}"

    @property
    def arn(self) -> str:
        """Return what an authorizer's policy speaks of, without stage, method and path."""
        return f"arn:aws:execute-api:{self.region}:{self.account}:{self.ident}"


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path of an API."""

    api: Api
    method: str
    """Upper case; `ANY` is every one."""
    path: str
    """`/items/{id}`, `/{proxy+}`; `$default` takes what no other route does."""
    function: str | Function
    """Logical id, or one of a function's versions; "" for what the API answers by itself."""
    trigger: str
    """`Function.Event`."""
    version: str = "2.0"
    authorizer: Authorizer | None = None
    streams: bool = False
    """A function URL that hands on a response as it is made."""
    arn: str = ""
    """By which name the function is told that it was invoked; "" for its own."""
    closed: bool = False
    """It turns everybody away."""
    lacking: str = ""
    """Not "": what of this route is not covered, in words."""

    @property
    def key(self) -> str:
        """Return `GET /items/{id}`, or `$default`."""
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Taken:
    """A route with what its path's variables stand for, as they were sent."""

    route: Route
    parameters: Mapping[str, str]


def choose(routes: Iterable[Route], method: str, path: str) -> Taken | None:
    """Return the route that fits best: a full match, then variables, then greedy ones, then `$default`; of
    equals the one that names the method."""
    found: tuple[tuple[int, ...], Taken] | None = None
    for route in routes:
        fit = _fit(route, path) if route.method in {method, "ANY"} else None
        if fit is None:
            continue
        order = (*fit[0], int(route.method == "ANY"))
        if found is None or order < found[0]:
            found = order, Taken(route, fit[1])
    return found[1] if found else None


EXACT, VARIABLE, GREEDY, DEFAULT = range(4)
"""How loosely a part of a route fits a part of a path; less comes first."""


def _fit(route: Route, path: str) -> tuple[tuple[int, ...], Mapping[str, str]] | None:
    """Return (how loosely it fits, part by part; what its variables stand for)."""
    if route.path == "$default":
        return (DEFAULT,), {}
    if _strict(route, path):
        return None
    given, found = _parts(path), dict[str, str]()
    looseness: list[int] = []
    for at, part in enumerate(wanted := _parts(route.path)):
        if at >= len(given):
            return None
        if part.endswith("+}"):
            found[part[1:-2]] = "/".join(given[at:])
            return (*looseness, GREEDY), found
        if part.startswith("{") and part.endswith("}") and given[at]:
            found[part[1:-1]] = given[at]
            looseness.append(VARIABLE)
        elif part == given[at]:
            looseness.append(EXACT)
        else:
            return None
    return (tuple(looseness), found) if len(given) == len(wanted) else None


def _strict(route: Route, path: str) -> bool:
    """Say whether a slash at the path's end keeps it from this route, as it does in an HTTP API."""
    ends = path != "/" and path.endswith("/") and not route.path.endswith(("/", "+}"))
    return ends and route.api.kind is Kind.HTTP


def _parts(path: str) -> list[str]:
    """Return a path's segments. Why not the slashes at its ends: API Gateway does not see them there."""
    trimmed = path.strip("/")
    return trimmed.split("/") if trimmed else []
