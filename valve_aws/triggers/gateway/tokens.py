"""Tokens with claims: what the bearer of one says of himself.

Knows JSON Web Tokens as JWT and Cognito authorizers read them (RFC 7519; API Gateway developer guide,
"Control access to HTTP APIs with JWT authorizers"). Does not check a signature: its keys are elsewhere.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from valve_aws.triggers.gateway.asked import Asked
from valve_aws.triggers.gateway.authorizers import Allowed
from valve_aws.triggers.gateway.routes import Authorizer, Kind, Taken


def claims(asked: Asked, authorizer: Authorizer, now: float) -> Mapping[str, Any] | None:
    """Return the claims of the request's bearer token; None where it shows none that could hold.

    Issuer, audience and times are looked at. Why not the signature: whoever asks here is the operator, who
    could as well write the event himself.
    """
    source = authorizer.sources[0] if authorizer.sources else "$request.header.Authorization"
    name = source.rpartition(".")[2]
    token = asked.header(name.lower()) or dict(asked.parameters).get(name, "")
    found = _read(token.removeprefix("Bearer ").removeprefix("bearer ").strip())
    if found is None:
        return None
    named = found.get("aud", found.get("client_id"))
    audience = {each for each in (named if isinstance(named, list) else [named]) if isinstance(each, str)}
    expires, starts = found.get("exp"), found.get("nbf")
    if (
        (authorizer.issuer and found.get("iss") != authorizer.issuer)
        or (authorizer.audience and not audience & set(authorizer.audience))
        or (isinstance(expires, int | float) and expires <= now)
        or (isinstance(starts, int | float) and starts > now)
    ):
        return None
    return found


def scoped(found: Mapping[str, Any], authorizer: Authorizer) -> bool:
    """Say whether a token has one of the scopes that a route asks for."""
    given = found.get("scp")
    has = str(found.get("scope", "")).split() + [
        str(s) for s in (given if isinstance(given, list | str) else ())
    ]
    return not authorizer.scopes or bool(set(has) & set(authorizer.scopes))


def _read(token: str) -> Mapping[str, Any] | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def claimed(found: Mapping[str, Any], taken: Taken, authorizer: Authorizer) -> Allowed:
    """Return what stands in the event of a caller that shows these claims: each as text."""
    texts = {name: _word(value) for name, value in found.items()}
    if taken.route.version == "2.0" and taken.route.api.kind is not Kind.REST:
        return Allowed({"jwt": {"claims": texts, "scopes": list(authorizer.scopes) or None}})
    return Allowed({"claims": texts, "scopes": list(authorizer.scopes) or None})


def _word(value: Any) -> str:
    if isinstance(value, list):
        return "[" + " ".join(map(str, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)
