"""The routes of an application: its APIs as the template has them, in one list.

Knows the properties of APIs, stages and authorizers. Does not know requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from valve_aws.model.stack import Resource, Stack, Trigger
from valve_aws.triggers.gateway import guards
from valve_aws.triggers.gateway.routes import Api, Cors, Kind, Route

KINDS: Mapping[str, Kind] = {"Api": Kind.REST, "HttpApi": Kind.HTTP, "FunctionUrl": Kind.URL}
"""Type of an event → what stands in front of its function."""

STAGES = {"AWS::ApiGateway::Stage": "RestApiId", "AWS::ApiGateway::Deployment": "RestApiId"} | {
    "AWS::ApiGatewayV2::Stage": "ApiId"
}

METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

SERVED = {"", "AWS_PROXY"}
"""Integrations that hand a request on as an event. Others are written in a language of templates."""

QUOTED = re.compile(r"'(.*)'", re.DOTALL)


def mount(stack: Stack) -> tuple[Route, ...]:
    """Return every route of the stack's APIs and function URLs, in the order of its functions."""
    apis: dict[str, Api] = {}
    found: list[Route] = []
    for function in stack.functions.values():
        for trigger in function.triggers:
            kind = KINDS.get(trigger.kind)
            if kind is None:
                continue
            name = trigger.source or f"{function.logical}.{trigger.name}"
            if name not in apis:
                apis[name] = _api(kind, trigger, stack)
            found.append(_route(function.logical, trigger, apis[name], stack))
    return (*found, *_preflights(found, stack))


def _route(function: str, trigger: Trigger, api: Api, stack: Stack) -> Route:
    told = trigger.properties
    method = str(told.get("Method") or "ANY").upper()
    path = str(told.get("Path") or "")
    lacking = ""
    if api.kind is Kind.REST and not path:
        lacking = "a method whose path the template does not tell"
    if str(told.get("Integration") or "") not in SERVED:
        lacking = f"an integration of the type `{told['Integration']}`, with mapping templates"
    authorizer = guards.of(trigger, _declared(trigger, stack), stack)
    default = "2.0" if api.kind is not Kind.REST else "1.0"
    return Route(
        api,
        "ANY" if method in {"*", "ANY", "X-AMAZON-APIGATEWAY-ANY-METHOD"} else method,
        path or ("/" if api.kind is Kind.REST else "$default"),
        function,
        f"{function}.{trigger.name}",
        str(told.get("PayloadFormatVersion") or default),
        authorizer,
        streams=str(told.get("InvokeMode") or "") == "RESPONSE_STREAM",
        lacking=lacking,
    )


def _declared(trigger: Trigger, stack: Stack) -> Mapping[str, Any]:
    owner = stack.store(trigger.source) if trigger.source else None
    return owner.properties if isinstance(owner, Resource) else {}


def _api(kind: Kind, trigger: Trigger, stack: Stack) -> Api:
    owner = stack.store(trigger.source) if trigger.source else None
    told = owner.properties if isinstance(owner, Resource) else trigger.properties
    ident = str(trigger.properties.get("Id") or trigger.source.rpartition(":")[2])
    stage, variables = _stage(kind, ident, told, stack)
    document = guards.document(told)
    binary = told.get("BinaryMediaTypes") or document.get("x-amazon-apigateway-binary-media-types") or ()
    return Api(
        kind,
        ident,
        owner.logical if owner else trigger.function,
        stage,
        stack.account,
        stack.region,
        variables,
        tuple(str(each) for each in binary),
        cors_of(kind, told),
    )


def _stage(kind: Kind, ident: str, told: Mapping[str, Any], stack: Stack) -> tuple[str, Mapping[str, str]]:
    """Return an API's stage and its variables: SAM writes them into the API, CloudFormation beside it."""
    beside = [
        r.properties
        for r in stack.resources.values()
        if r.kind in STAGES and r.properties.get(STAGES[r.kind]) == ident and r.properties.get("StageName")
    ]
    first = beside[0] if beside else told
    default = "Prod" if kind is Kind.REST else "$default"
    variables = first.get("Variables") or first.get("StageVariables")
    texts = {str(k): str(v) for k, v in variables.items()} if isinstance(variables, dict) else {}
    return str(first.get("StageName") or default), texts


def cors_of(kind: Kind, told: Mapping[str, Any]) -> Cors | None:
    """Return what the template says of other origins; SAM's REST APIs quote the values of headers."""
    found = told.get("Cors") if kind is not Kind.HTTP else told.get("CorsConfiguration")
    if not found or str(found).lower() == "false":
        return None
    if kind is Kind.REST:
        given = found if isinstance(found, dict) else {"AllowOrigin": found}
        return Cors(
            (_bare(given.get("AllowOrigin")) or "*",),
            _bare(given.get("AllowMethods")),
            _bare(given.get("AllowHeaders")),
            "",
            _bare(given.get("MaxAge")),
            str(given.get("AllowCredentials", "")).lower() == "true",
        )
    given = found if isinstance(found, dict) else {"AllowOrigins": ["*"]}
    return Cors(
        tuple(_listed(given.get("AllowOrigins"))),
        ",".join(_listed(given.get("AllowMethods"))),
        ",".join(_listed(given.get("AllowHeaders"))),
        ",".join(_listed(given.get("ExposeHeaders"))),
        str(given.get("MaxAge", "")),
        str(given.get("AllowCredentials", "")).lower() == "true",
    )


def _bare(value: Any) -> str:
    text = "" if value is None else str(value)
    match = QUOTED.fullmatch(text)
    return match.group(1) if match else text


def _listed(value: Any) -> list[str]:
    return [str(each) for each in (value if isinstance(value, list) else [value] if value else [])]


def _preflights(routes: list[Route], stack: Stack) -> Iterator[Route]:
    """Yield the routes that SAM adds to a REST API with CORS: OPTIONS for each path that has none."""
    paths: dict[tuple[str, str], list[Route]] = {}
    for route in routes:
        if route.api.kind is Kind.REST and route.api.cors is not None:
            paths.setdefault((route.api.ident, route.path), []).append(route)
    for there in paths.values():
        if any(route.method == "OPTIONS" for route in there):
            continue
        api, path = there[0].api, there[0].path
        assert api.cors is not None
        served = {route.method for route in there} | {"OPTIONS"}
        methods = api.cors.methods or ",".join(sorted(METHODS if "ANY" in served else served))
        owner = next((r for r in stack.resources.values() if r.arn.endswith(f":{api.ident}")), None)
        yield Route(
            replace(api, cors=replace(api.cors, methods=methods)),
            "OPTIONS",
            path,
            "",
            "",
            authorizer=guards.of_preflight(owner.properties if owner else {}, stack),
        )
