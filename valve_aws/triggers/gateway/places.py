"""At which of several APIs a request arrives, by the name or the path that it uses.

Knows AWS's host names and what stands for them on one machine. Does not know routes' paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from valve_aws.triggers.gateway.routes import Api, Kind, Route

LABELS = {"execute-api": (Kind.REST, Kind.HTTP), "lambda-url": (Kind.URL,)}
"""The second label of a host name → what answers there."""

PREFIX = ("_aws", "execute-api")
"""How a path begins that names an API, where no host name can: `/_aws/execute-api/<id>/<stage>/…`."""


@dataclass(frozen=True, slots=True)
class There:
    """Where a request goes: the routes that may take it, and its path among them."""

    routes: tuple[Route, ...]
    path: str


class Place:
    """The APIs of one stack."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        apis = {route.api.ident: route.api for route in routes}
        self._named: dict[tuple[Kind, str], Api] = {}
        for api in apis.values():
            for name in (api.logical.lower(), api.ident):
                self._named[api.kind, name] = api
        served = [r for r in routes if r.api.kind is not Kind.URL]
        alone = len(apis) == 1
        self._bare = tuple(served) if served or not alone else self.routes

    def named(self, host: str) -> Api | None:
        """Return the API that a host name means, `<id or logical id>.execute-api.…`; None when none."""
        name, _, rest = host.partition(".")
        kinds = LABELS.get(rest.partition(".")[0], ())
        return next((api for kind in kinds if (api := self._named.get((kind, name)))), None)

    def of(self, host: str, path: str) -> There:
        """Return where a request goes: by its host's name, by its path's beginning, else to all APIs."""
        parts = path.split("/")
        if api := self.named(host):
            return self._staged(api, path)
        if host.partition(".")[2].partition(".")[0] in LABELS:
            return There((), path)
        if tuple(parts[1:3]) == PREFIX and len(parts) > 3:
            name = parts[3].lower()
            found = next((r.api for r in self.routes if name in {r.api.ident, r.api.logical.lower()}), None)
            return self._staged(found, "/" + "/".join(parts[4:])) if found else There((), path)
        return There(self._bare, path)

    def told(self, url: str, bare: bool = True) -> list[str]:
        """Return a line for each route: what answers at which address. `bare`: APIs answer without a name."""
        lines = []
        for route in self.routes:
            base = url if bare and route in self._bare else _base(route.api, url)
            path = "/*" if route.path == "$default" else route.path
            who = str(route.function) or "CORS"
            lacking = f"  (not covered: {route.lacking})" if route.lacking else ""
            lines.append(f"{who} at {base}{path} [{route.method}]{lacking}")
        return lines

    def _staged(self, api: Api, path: str) -> There:
        """Return the routes of one API; its stage is the first part of the path, and no part of the route."""
        routes = tuple(route for route in self.routes if route.api.ident == api.ident)
        if api.stage in {"", "$default"}:
            return There(routes, path)
        stage, _, rest = path.lstrip("/").partition("/")
        return There(routes, f"/{rest}") if stage == api.stage else There((), path)


def _base(api: Api, url: str) -> str:
    """Return the address of one API alone."""
    scheme, _, rest = url.partition("://")
    service = "lambda-url" if api.kind is Kind.URL else "execute-api"
    stage = "" if api.stage in {"", "$default"} else f"/{api.stage}"
    return f"{scheme}://{api.logical.lower()}.{service}.localhost:{rest.rpartition(':')[2]}{stage}"
