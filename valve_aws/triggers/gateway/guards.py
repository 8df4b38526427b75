"""Which authorizer a route has, as SAM, CloudFormation and OpenAPI say it.

Knows their properties. Does not know what an authorizer decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from valve_aws.model.stack import Stack, Trigger
from valve_aws.triggers.gateway.routes import Authorizer

INVOCATION = re.compile(r"(?:.*/functions/)?(arn:[\w-]+:lambda:[^:]*:\d*:function:[^:/]+)(?:[:/].*)?")

INTEGRATION = "x-amazon-apigateway-integration"

HEADER = "$request.header.Authorization"

PLACES = {"Headers": "request.header", "QueryStrings": "request.querystring"} | {
    "StageVariables": "stageVariables",
    "Context": "context",
}
"""Where SAM's `Identity` looks → as API Gateway writes it."""

Fields = Mapping[str, Any]


def of(trigger: Trigger, api: Fields, stack: Stack) -> Authorizer | None:
    """Return the authorizer of a route; None: everybody may ask."""
    told = trigger.properties
    if trigger.kind == "FunctionUrl":
        return Authorizer("AWS_IAM", "IAM") if told.get("AuthType") == "AWS_IAM" else None
    if told.get("AuthorizationType") or told.get("AuthorizerId"):
        return _attached(told, stack)
    auth, own, http = _mapping(api.get("Auth")), _mapping(told.get("Auth")), trigger.kind == "HttpApi"
    operation = _operation(told, document(api))
    if INTEGRATION in operation and str(own.get("OverrideApiAuth")).lower() != "true":
        own = {}  # Why: SAM leaves an operation as it is that has somebody to serve it
    scopes = own.get("AuthorizationScopes")
    if own.get("Authorizer"):
        return _named(own["Authorizer"], auth, scopes, http, stack)
    security = told.get("Security", operation.get("security"))
    if security is not None:
        return _secured(security, api, http, stack)
    asks = str(told.get("Method")).upper() == "OPTIONS"
    if auth.get("DefaultAuthorizer"):
        default = None if asks and not _asked_first(auth, trigger.kind) else auth["DefaultAuthorizer"]
        return _named(default, auth, scopes, http, stack)
    return _secured(document(api).get("security"), api, http, stack)


def _operation(told: Fields, openapi: Fields) -> Fields:
    """Return what the document says of the route of an event."""
    paths, path = _mapping(openapi.get("paths")), str(told.get("Path") or "$default")
    item = _mapping(paths.get(path, paths.get(f"/{path}")))
    verbs = (str(told.get("Method")).lower(), "x-amazon-apigateway-any-method")
    return next((_mapping(item[verb]) for verb in verbs if verb in item), {})


def of_preflight(api: Fields, stack: Stack) -> Authorizer | None:
    """Return the authorizer of the OPTIONS that SAM adds (SAM specification, AddDefaultAuthorizerToCors…)."""
    auth = _mapping(api.get("Auth"))
    if not _asked_first(auth, "Api"):
        return None
    return _named(auth.get("DefaultAuthorizer"), auth, None, False, stack)


def _asked_first(auth: Fields, kind: str) -> bool:
    """Say whether the default authorizer judges other origins' questions, too: never for an HTTP API."""
    return kind == "Api" and str(auth.get("AddDefaultAuthorizerToCorsPreflight", True)).lower() != "false"


def document(api: Fields) -> Fields:
    """Return an API's OpenAPI document, empty when it has none."""
    return _mapping(api.get("DefinitionBody", api.get("Body")))


def _named(named: Any, auth: Fields, scopes: Any, http: bool, stack: Stack) -> Authorizer | None:
    if not named or named == "NONE":
        return None
    if named == "AWS_IAM":
        return Authorizer("AWS_IAM", "IAM")
    told = _mapping(_mapping(auth.get("Authorizers")).get(str(named)))
    found = _of_http(str(named), told, stack) if http else _of_rest(str(named), told, stack)
    asked = scopes if scopes is not None else told.get("AuthorizationScopes")
    return replace(found, scopes=tuple(_texts(asked)))


def _of_rest(name: str, told: Fields, stack: Stack) -> Authorizer:
    if told.get("UserPoolArn"):
        header = _mapping(told.get("Identity")).get("Header") or "Authorization"
        return Authorizer(name, "COGNITO", sources=(f"$request.header.{header}",))
    identity = _mapping(told.get("Identity"))
    kind = str(told.get("FunctionPayloadType") or "TOKEN").upper()
    header = str(identity.get("Header") or "Authorization")
    sources = (f"$request.header.{header}",) if kind == "TOKEN" else _places(identity)
    pattern = str(identity.get("ValidationExpression") or "")
    return _judge(Authorizer(name, kind, sources=sources, pattern=pattern), told.get("FunctionArn"), stack)


def _of_http(name: str, told: Fields, stack: Stack) -> Authorizer:
    if "FunctionArn" not in told:
        jwt = _mapping(told.get("JwtConfiguration"))
        return _of_jwt(name, jwt, _texts(told.get("IdentitySource")))
    sources = _places(_mapping(told.get("Identity"))) or (HEADER,)
    version = str(told.get("AuthorizerPayloadFormatVersion") or "2.0")
    simple = str(told.get("EnableSimpleResponses", "")).lower() == "true"
    found = Authorizer(name, "REQUEST", sources=sources, version=version, simple=simple)
    return _judge(found, told.get("FunctionArn"), stack)


def _of_jwt(name: str, jwt: Fields, sources: list[str]) -> Authorizer:
    lower = {key.lower(): value for key, value in jwt.items()}
    issuer = str(lower.get("issuer") or "")
    return Authorizer(
        name,
        "JWT",
        sources=tuple(sources) or (HEADER,),
        issuer="" if "{{" in issuer else issuer,
        audience=tuple(t for t in _texts(lower.get("audience")) if "{{" not in t),
    )


def _places(identity: Fields) -> tuple[str, ...]:
    return tuple(f"${place}.{name}" for key, place in PLACES.items() for name in _texts(identity.get(key)))


def _attached(told: Fields, stack: Stack) -> Authorizer | None:
    """Return the authorizer that CloudFormation attaches to a method or a route."""
    if told.get("AuthorizationType") == "AWS_IAM":
        return Authorizer("AWS_IAM", "IAM")
    if not told.get("AuthorizerId"):
        return None
    ident = str(told["AuthorizerId"])
    found = next(
        (r for r in stack.resources.values() if r.kind.endswith("::Authorizer") and r.name == ident), None
    )
    if found is None:
        return Authorizer(ident, "UNKNOWN")
    given = found.properties
    kind = str(given.get("Type") or given.get("AuthorizerType") or "")
    spread = [s.strip() for text in _texts(given.get("IdentitySource")) for s in text.split(",")]
    if kind == "JWT":
        return _of_jwt(found.logical, _mapping(given.get("JwtConfiguration")), spread)
    if kind == "COGNITO_USER_POOLS":
        return Authorizer(found.logical, "COGNITO", sources=tuple(spread) or (HEADER,))
    made = Authorizer(
        found.logical,
        kind,
        sources=tuple(spread),
        pattern=str(given.get("IdentityValidationExpression") or ""),
        version=str(given.get("AuthorizerPayloadFormatVersion") or "1.0"),
        simple=str(given.get("EnableSimpleResponses", "")).lower() == "true",
    )
    return _judge(made, given.get("AuthorizerUri"), stack)


def _secured(security: Any, api: Fields, http: bool, stack: Stack) -> Authorizer | None:
    """Return the authorizer that an OpenAPI document asks for; the first that is one."""
    openapi, auth = document(api), _mapping(api.get("Auth"))
    schemes = _mapping(openapi.get("securityDefinitions")) or _mapping(
        _mapping(openapi.get("components")).get("securitySchemes")
    )
    for asked in security if isinstance(security, list) else ():
        for name, scopes in _mapping(asked).items():
            if name in _mapping(auth.get("Authorizers")):
                return _named(name, auth, scopes, http, stack)
            scheme = _mapping(schemes.get(name))
            if scheme.get("x-amazon-apigateway-authtype") == "awsSigv4":
                return Authorizer(name, "IAM")
            told = _mapping(scheme.get("x-amazon-apigateway-authorizer"))
            if told:
                return replace(_of_scheme(name, scheme, told, stack), scopes=tuple(_texts(scopes)))
    return None


def _of_scheme(name: str, scheme: Fields, told: Fields, stack: Stack) -> Authorizer:
    kind = str(told.get("type") or "").upper()
    spread = [s.strip() for text in _texts(told.get("identitySource")) for s in text.split(",")]
    header = f"$request.header.{scheme.get('name') or 'Authorization'}"
    if kind == "JWT":
        return _of_jwt(name, _mapping(told.get("jwtConfiguration")), spread)
    if kind == "COGNITO_USER_POOLS":
        return Authorizer(name, "COGNITO", sources=(header,))
    made = Authorizer(
        name,
        kind,
        sources=tuple(spread) or ((header,) if kind == "TOKEN" else ()),
        pattern=str(told.get("identityValidationExpression") or ""),
        version=str(told.get("authorizerPayloadFormatVersion") or "1.0"),
        simple=str(told.get("enableSimpleResponses", "")).lower() == "true",
    )
    return _judge(made, told.get("authorizerUri"), stack)


def _judge(found: Authorizer, written: Any, stack: Stack) -> Authorizer:
    """Return the authorizer with the function that judges; one that is not of this stack is unknown."""
    match = INVOCATION.fullmatch(str(written or ""))
    arn = match.group(1) if match else ""
    logical = next((f.logical for f in stack.functions.values() if f.arn == arn), "")
    if not logical or found.kind not in {"TOKEN", "REQUEST"}:
        return replace(found, kind="UNKNOWN")
    return replace(found, function=logical)


def _mapping(value: Any) -> Fields:
    return value if isinstance(value, Mapping) else {}


def _texts(value: Any) -> list[str]:
    return [str(each) for each in (value if isinstance(value, list) else [value] if value else [])]
