"""Who may ask: what an authorizer is shown of a request, and what its answer means.

Knows Lambda authorizers of both APIs (API Gateway developer guide, "Use API Gateway Lambda authorizers",
"Control access to HTTP APIs with AWS Lambda authorizers"). Does not know how one is run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from valve_aws.triggers.gateway.asked import Answer, Asked, told
from valve_aws.triggers.gateway.events import event, first
from valve_aws.triggers.gateway.routes import Authorizer, Kind, Taken

ACTION = "execute-api:invoke"

DEEPEST = 100
"""Levels of what an authorizer says of the caller. Why a bound: its event has to be written, and more is
around it there."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The caller may; this stands under `requestContext.authorizer`."""

    context: Mapping[str, Any] = field(default_factory=dict)


class Unreadable(Exception):
    """An authorizer's answer that is none."""


def method_arn(asked: Asked, taken: Taken) -> str:
    """Return what a policy's `Resource` is held against."""
    api = taken.route.api
    return f"{api.arn}/{api.stage or '$default'}/{asked.method}/{asked.path.strip('/')}"


def unauthorized(kind: Kind) -> Answer:
    """Return what a client gets that shows no identity."""
    errors = (("x-amzn-ErrorType", "UnauthorizedException"),) if kind is Kind.REST else ()
    return told(401, {"message": "Unauthorized"}, *errors)


def denied(kind: Kind, explicit: bool) -> Answer:
    """Return what a client gets that may not."""
    if kind is not Kind.REST:
        return told(403, {"message": "Forbidden"})
    text = "User is not authorized to access this resource" + (" with an explicit deny" * explicit)
    return told(403, {"Message": text}, ("x-amzn-ErrorType", "AccessDeniedException"))


def broken(kind: Kind) -> Answer:
    """Return what a client gets whose authorizer failed, or answered what is no answer."""
    if kind is not Kind.REST:
        return told(500, {"message": "Internal Server Error"})
    return told(500, {"message": None}, ("x-amzn-ErrorType", "AuthorizerConfigurationException"))


def failed(kind: Kind, payload: bytes) -> Answer:
    """Return what a client gets whose authorizer raised an error: one message of all means something."""
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        found = None
    message = found.get("errorMessage") if isinstance(found, dict) else None
    return unauthorized(kind) if message == "Unauthorized" else broken(kind)


def identity(asked: Asked, taken: Taken, authorizer: Authorizer) -> tuple[str, ...] | None:
    """Return what stands where the authorizer looks; None when something is not there, or does not fit."""
    found = tuple(_at(source, asked, taken) for source in authorizer.sources)
    if not all(found):
        return None
    if authorizer.pattern and authorizer.kind == "TOKEN":
        try:
            fits = re.fullmatch(authorizer.pattern, found[0])
        except (re.error, IndexError):
            return None
        return found if fits else None
    return found


def _at(source: str, asked: Asked, taken: Taken) -> str:
    """Return what a request has at `$request.header.Authorization`, or `method.request.querystring.key`."""
    _, _, place = source.removeprefix("$").partition("request.")
    where, _, name = place.partition(".")
    if source.removeprefix("$").startswith("context.") or not name:
        rest = source.removeprefix("$").removeprefix("context.")
        known = {
            "httpMethod": asked.method,
            "path": asked.path,
            "identity.sourceIp": asked.source,
            "routeKey": taken.route.key,
            "resourcePath": taken.route.path,
            "stage": taken.route.api.stage,
        }
        stage = rest.removeprefix("stageVariables.")
        return known.get(rest) or taken.route.api.variables.get(stage, "")
    if where == "header":
        return asked.header(name.lower()) or ""
    if where == "querystring":
        return next((value for key, value in asked.parameters if key == name), "")
    return taken.parameters.get(name, "") if where == "path" else ""


def shown(asked: Asked, taken: Taken, authorizer: Authorizer, found: tuple[str, ...]) -> dict[str, Any]:
    """Return the event of an authorizer."""
    arn, kind = method_arn(asked, taken), taken.route.api.kind
    if authorizer.kind == "TOKEN":
        return {"type": "TOKEN", "methodArn": arn, "authorizationToken": found[0] if found else ""}
    if kind is Kind.HTTP and authorizer.version == "2.0":
        whole = event(asked, Taken(taken.route, taken.parameters), None)
        rest = {k: v for k, v in whole.items() if k not in {"version", "body", "isBase64Encoded"}}
        told_ = {"version": "2.0", "type": "REQUEST", "routeArn": arn, "identitySource": list(found) or None}
        return {**told_, **rest}
    whole = first(asked, taken, None)
    rest = {k: v for k, v in whole.items() if k not in {"version", "body", "isBase64Encoded"}}
    if kind is Kind.HTTP:
        joined = ",".join(found)
        extra = {"version": "1.0", "identitySource": joined, "authorizationToken": joined}
        return {**extra, "type": "REQUEST", "methodArn": arn, **rest}
    return {"type": "REQUEST", "methodArn": arn, **rest}


def decided(taken: Taken, authorizer: Authorizer, arn: str, payload: bytes) -> Allowed | Answer:
    """Return what an authorizer's answer means for a request with this `arn`. Whatever is no clear leave is
    none."""
    kind = taken.route.api.kind
    try:
        result = json.loads(payload)
        if not isinstance(result, dict):
            raise Unreadable
        context = _context(result.get("context"), kind)
        if authorizer.simple:
            if result.get("isAuthorized") is not True:
                return denied(kind, explicit=False)
            return Allowed({"lambda": context} if taken.route.version == "2.0" else context)
        allowed, explicit = _judged(result.get("policyDocument"), arn)
        principal = result.get("principalId")
        if kind is Kind.REST and not isinstance(principal, str):
            raise Unreadable
    except (Unreadable, ValueError, RecursionError):
        return broken(kind)
    if not allowed:
        return denied(kind, explicit)
    if kind is Kind.HTTP and taken.route.version == "2.0":
        return Allowed({"lambda": context})
    return Allowed({**context, "principalId": str(principal or ""), "integrationLatency": 0})


def _context(value: Any, kind: Kind) -> dict[str, Any]:
    """Return what an authorizer says of the caller; a REST API takes scalars, and hands them on as text."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable
    if kind is not Kind.REST:
        if not _within(value, DEEPEST):
            raise Unreadable
        return value
    if any(isinstance(each, dict | list) for each in value.values()):
        raise Unreadable
    return {
        name: each if isinstance(each, str) else json.dumps(each)
        for name, each in value.items()
        if each is not None
    }


def _within(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_within(each, levels - 1) for each in inner)


def _judged(document: Any, arn: str) -> tuple[bool, bool]:
    """Return (whether a policy allows it, whether one of its statements denies it)."""
    if not isinstance(document, dict):
        raise Unreadable
    statements = document.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not all(isinstance(each, dict) for each in statements):
        raise Unreadable
    fitting = [s for s in statements if _acts(s.get("Action")) and _names(s.get("Resource"), arn)]
    explicit = any(s.get("Effect") != "Allow" for s in fitting)
    # Why: a statement that is not all understood (a condition) may not be what gives leave.
    allows = any(s.get("Effect") == "Allow" and not s.get("Condition") for s in fitting)
    return allows and not explicit, explicit


def _acts(patterns: Any) -> bool:
    """Say whether a statement speaks of invoking; actions are the same in any case."""
    if isinstance(patterns, str):
        return _names(patterns.lower(), ACTION)
    several = patterns if isinstance(patterns, list) else [None]
    return _names([p.lower() if isinstance(p, str) else p for p in several], ACTION)


def _names(patterns: Any, text: str) -> bool:
    """Say whether one of IAM's patterns fits."""
    several = [patterns] if isinstance(patterns, str) else patterns
    if not isinstance(several, list) or not all(isinstance(each, str) for each in several):
        raise Unreadable
    return any(_fits(each, text) for each in several)


def _fits(pattern: str, text: str) -> bool:
    """Say whether a pattern of `*` and `?` fits. Why by hand: the pattern is a function's own, and an
    expression of many stars could be made to take for ever."""
    at, mark, star, held = 0, 0, -1, 0
    while at < len(text):
        if mark < len(pattern) and pattern[mark] == "*":
            star, held, mark = mark, at, mark + 1
        elif mark < len(pattern) and pattern[mark] in {"?", text[at]}:
            at, mark = at + 1, mark + 1
        elif star >= 0:
            held += 1
            at, mark = held, star + 1
        else:
            return False
    return not pattern[mark:].strip("*")
