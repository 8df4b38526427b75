"""HTTP endpoints in front of functions: which method and path of which API leads to which function.

Knows how SAM, CloudFormation and OpenAPI write a route. Does not know what a request looks like.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from valve_aws.model.source import Node
from valve_aws.model.stack import Trigger
from valve_aws.template import arns
from valve_aws.template.documents import document
from valve_aws.template.intrinsics import resolve
from valve_aws.template.kinds import plain, row
from valve_aws.template.scope import Declared, Template
from valve_aws.template.shapes import entries, text, word

Fields = Mapping[str, Node]

REST: Final = "AWS::ApiGateway::RestApi"
HTTP: Final = "AWS::ApiGatewayV2::Api"
FUNCTION: Final = "AWS::Lambda::Function"

EVENT: Final[Mapping[str, str]] = MappingProxyType({REST: "Api", HTTP: "HttpApi"})
"""Type of an API → SAM's type of an event that comes by it."""

DEEP: Final = 50
"""Resources from a path's end to its root; API Gateway takes no longer path."""

METHODS: Final = frozenset({"get", "put", "post", "delete", "options", "head", "patch"})
ANY: Final = "x-amazon-apigateway-any-method"
INTEGRATION: Final = "x-amazon-apigateway-integration"
"""What stands for every method, and where an operation says who serves it (API Gateway developer guide,
OpenAPI extensions)."""


def defined(declared: Declared, template: Template) -> Node:
    """Return an API's properties with its OpenAPI document in them, where that is a file on this machine."""
    fields = entries(declared.properties, "`Properties`")
    body = "Body" if declared.kind in EVENT else "DefinitionBody"
    node = next((fields[k] for k in ("DefinitionUri", "BodyS3Location") if k in fields), None)
    written = fields.get(body)
    included = _included(written)
    if included:
        node = entries(included.get("Parameters"), "`Parameters`").get("Location")
    if node is None or plain(declared.kind) not in EVENT:
        return declared.properties
    found = document(node, template, "the routes in it are missing")
    if found is None:
        return declared.properties
    rest = {k: v for k, v in fields.items() if k not in {"DefinitionUri", "BodyS3Location", body}}
    return Node({**rest, body: found}, declared.properties.where, "", declared.properties.keys)


def _included(written: Node | None) -> Fields:
    """Return what `Fn::Transform`, or its short form, says that is to be there; nothing where neither is."""
    if written is None or not isinstance(written.value, dict):
        return {}
    if written.tag == "Transform":
        return written.value
    return entries(written.value.get("Fn::Transform"), "`Fn::Transform`")


def described(declared: Declared, fields: Fields, template: Template) -> Iterator[Trigger]:
    """Yield the routes of an API's OpenAPI document, and the one of an HTTP API that was made quickly."""
    kind = plain(declared.kind)
    own = template.formed(declared.logical, "{arn}")
    node = fields.get("DefinitionBody", fields.get("Body"))
    if node is not None and not isinstance(node.value, dict):
        template.ground.warn(node.where, "this document is not on this machine; the routes in it are missing")
    for path, item in _members(_members(node).get("paths")).items():
        for verb, operation in _members(item).items():
            if verb.lower() not in METHODS and verb.lower() != ANY:
                continue
            told = _members(operation)
            integration = _members(told.get(INTEGRATION))
            arn = arns.store(_word(integration.get("uri")), "", template.ground)
            if arns.service(arn) != "lambda":
                continue
            given = {
                "Path": "$default" if path == "/$default" else path,
                "Method": "ANY" if verb.lower() == ANY else verb.upper(),
                "PayloadFormatVersion": _word(integration.get("payloadFormatVersion")) or "1.0",
                "Integration": _word(integration.get("type")).upper(),
                "Security": told["security"].plain() if "security" in told else None,
            }
            named = _word(told.get("operationId")) or declared.logical
            yield Trigger(arn, named, EVENT[kind], own, _filled(given), operation.where)
    target = arns.store(word(fields.get("Target"), "`Target`"), "", template.ground)
    if kind == HTTP and arns.service(target) == "lambda":
        given = _keyed(word(fields.get("RouteKey"), "`RouteKey`") or "$default")
        yield Trigger(target, declared.logical, "HttpApi", own, given, declared.where)


def _members(node: Node | None) -> Mapping[str, Node]:
    """Return the members of a part of a document. Why nothing of what is none: it is somebody else's format,
    of which all but the routes is passed over."""
    return node.value if node is not None and isinstance(node.value, dict) else {}


def _word(node: Node | None) -> str:
    return (text(node.value) or "") if node is not None else ""


def method(declared: Declared, fields: Fields, template: Template) -> Iterator[Trigger]:
    """Yield the function behind a method of a REST API."""
    origin = arns.store(word(fields.get("RestApiId"), "`RestApiId`"), REST, template.ground)
    integration = entries(fields.get("Integration"), "`Integration`")
    arn = arns.store(word(integration.get("Uri"), "`Uri`"), "", template.ground)
    if arns.service(arn) != "lambda":
        return
    given = {
        "Path": _path(word(fields.get("ResourceId"), "`ResourceId`"), template),
        "Method": word(fields.get("HttpMethod"), "`HttpMethod`"),
        "Integration": word(integration.get("Type"), "`Type`").upper(),
        "AuthorizationType": word(fields.get("AuthorizationType"), "`AuthorizationType`"),
        "AuthorizerId": word(fields.get("AuthorizerId"), "`AuthorizerId`"),
    }
    yield Trigger(arn, declared.logical, "Api", origin, _filled(given), declared.where)


def _path(resource: str, template: Template) -> str:
    """Return the path of a resource of a REST API, from its parents' parts; "" where it is not known."""
    parts: list[str] = []
    for _ in range(DEEP):
        found = next(
            (
                d
                for d in template.declared.values()
                if d.kind == "AWS::ApiGateway::Resource" and template.formed(d.logical, "{n}") == resource
            ),
            None,
        )
        if found is None:
            break
        fields = entries(resolve(found.properties, template), "`Properties`")
        parts.append(word(fields.get("PathPart"), "`PathPart`"))
        resource = word(fields.get("ParentId"), "`ParentId`")
    roots = {template.formed(d.logical, "{i}") for d in template.declared.values() if plain(d.kind) == REST}
    return "/" + "/".join(reversed(parts)) if resource in roots else ""


def integration(declared: Declared, fields: Fields, template: Template) -> Iterator[Trigger]:
    """Yield what leads to the function behind an integration of an HTTP API: each of its routes."""
    origin = arns.store(word(fields.get("ApiId"), "`ApiId`"), HTTP, template.ground)
    arn = arns.store(word(fields.get("IntegrationUri"), "`IntegrationUri`"), "", template.ground)
    if arns.service(arn) != "lambda":
        return
    version = word(fields.get("PayloadFormatVersion"), "`PayloadFormatVersion`", "1.0")
    own, found = template.formed(declared.logical, "{n}"), False
    for other in template.declared.values():
        if other.kind != "AWS::ApiGatewayV2::Route":
            continue
        route = entries(resolve(other.properties, template), "`Properties`")
        if word(route.get("Target"), "`Target`").rpartition("/")[2] != own:
            continue
        found = True
        given = _keyed(word(route.get("RouteKey"), "`RouteKey`")) | _filled(
            {
                "PayloadFormatVersion": version,
                "AuthorizationType": word(route.get("AuthorizationType"), "`AuthorizationType`"),
                "AuthorizerId": word(route.get("AuthorizerId"), "`AuthorizerId`"),
            }
        )
        yield Trigger(arn, declared.logical, "HttpApi", origin, given, other.where)
    if not found:
        yield Trigger(arn, declared.logical, "HttpApi", origin, {}, declared.where)


def url(declared: Declared, fields: Fields, template: Template) -> Iterator[Trigger]:
    """Yield the URL of a function that has one of its own."""
    arn = arns.store(word(fields.get("TargetFunctionArn"), "`TargetFunctionArn`"), FUNCTION, template.ground)
    given = {key: value.plain() for key, value in fields.items() if key != "TargetFunctionArn"}
    ident = template.formed(declared.logical, "{i}")
    yield Trigger(arn, declared.logical, "FunctionUrl", "", given | {"Id": ident}, declared.where)


def own_url(logical: str, fields: Fields, template: Template) -> Iterator[Trigger]:
    """Yield the URL that SAM makes for a function (SAM specification, FunctionUrlConfig)."""
    node = fields.get("FunctionUrlConfig")
    given: dict[str, Any] = {k: v.plain() for k, v in entries(node, "`FunctionUrlConfig`").items()}
    if node is not None and given:
        ident = template.formed(f"{logical}Url", "{i}", row("AWS::Lambda::Url"))
        yield Trigger(template.prefix + logical, "Url", "FunctionUrl", "", given | {"Id": ident}, node.where)


def _keyed(key: str) -> dict[str, Any]:
    """Return the method and path of a route key, `GET /items/{id}`; `$default` is any of both."""
    verb, _, path = key.partition(" ")
    return {"Method": verb, "Path": path} if path else {"Method": "ANY", "Path": "$default"}


def _filled(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if value not in ("", None)}

