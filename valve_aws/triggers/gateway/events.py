"""A request as the event of its function, in both of API Gateway's formats.

Knows the shapes (API Gateway developer guide, "Lambda proxy integration input format", "Payload format
version"; Lambda developer guide, "Invoking function URLs"). Does not know who is let in.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from time import gmtime, strftime
from typing import Any
from urllib.parse import unquote

from valve_aws.triggers.gateway.asked import Asked
from valve_aws.triggers.gateway.routes import Kind, Taken

READABLE = frozenset(
    {"application/json", "application/xml", "application/javascript", "application/graphql"}
)
"""Media types that format 2.0 hands on as text, beside `text/*`, `…+json` and `…+xml`."""

NOBODY = (
    "accessKey accountId caller cognitoAuthenticationProvider cognitoAuthenticationType cognitoIdentityId "
    "cognitoIdentityPoolId principalOrgId user userArn"
).split()
"""Who asks, in format 1.0; null for whoever signed nothing."""


def event(asked: Asked, taken: Taken, allowed: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the event of a request. `allowed` is what its authorizer says of the caller, as it stands under
    `requestContext.authorizer`; None where none was asked."""
    route = taken.route
    if route.api.kind is Kind.REST or route.version == "1.0":
        return first(asked, taken, allowed)
    return second(asked, taken, allowed)


def first(asked: Asked, taken: Taken, allowed: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return an event of format 1.0."""
    route, api = taken.route, taken.route.api
    path = "/" + asked.path.lstrip("/")
    body, encoded = _body_of_first(asked, taken)
    many_headers, many = _grouped(_passed_on(asked)), _grouped(asked.parameters)
    domain = asked.header("host") or api.host
    requested = {
        **({"authorizer": dict(allowed)} if allowed is not None else {}),
        "accountId": api.account,
        "apiId": api.ident,
        "deploymentId": "local",
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "extendedRequestId": asked.ident.replace("-", "")[:15] + "=",
        "httpMethod": asked.method,
        "identity": {
            **dict.fromkeys(NOBODY),
            "sourceIp": asked.source,
            "userAgent": asked.header("user-agent"),
        },
        "path": f"/{api.stage}{asked.path}" if api.kind is Kind.REST else path,
        "protocol": "HTTP/1.1",
        "requestId": asked.ident,
        "requestTime": strftime("%d/%b/%Y:%H:%M:%S +0000", gmtime(asked.time)),
        "requestTimeEpoch": int(asked.time * 1000),
        "resourceId": _resource(route.path),
        "resourcePath": route.path,
        "stage": api.stage,
    }
    return {
        **({"version": "1.0"} if api.kind is Kind.HTTP else {}),
        "resource": route.path,
        "path": path,
        "httpMethod": asked.method,
        "headers": {name: values[-1] for name, values in many_headers.items()} or None,
        "multiValueHeaders": many_headers or None,
        "queryStringParameters": {name: values[-1] for name, values in many.items()} or None,
        "multiValueQueryStringParameters": many or None,
        "pathParameters": dict(taken.parameters) or None,
        "stageVariables": dict(api.variables) or None,
        "requestContext": requested,
        "body": body,
        "isBase64Encoded": encoded,
    }


def second(asked: Asked, taken: Taken, allowed: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return an event of format 2.0."""
    route, api = taken.route, taken.route.api
    url, domain = api.kind is Kind.URL, asked.header("host") or api.host
    cookies = [c.strip() for n, v in asked.headers if n.lower() == "cookie" for c in v.split(";")]
    staged = api.stage not in {"$default", ""}
    # Why decoded for an API and not for a URL: AWS does so.
    path = asked.path if url else asked.plain_path
    path = f"/{api.stage}{path}" if staged else path
    body, encoded = body_of_second(asked)
    headers = {
        name: ",".join(values)
        for name, values in _grouped([(n.lower(), v) for n, v in _passed_on(asked)]).items()
        if name != "cookie"
    }
    requested = {
        "accountId": "anonymous" if url and allowed is None else api.account,
        "apiId": api.ident,
        **({"authorizer": dict(allowed)} if allowed is not None else {}),
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": asked.method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": asked.source,
            "userAgent": asked.header("user-agent") or "",
        },
        "requestId": asked.ident,
        "routeKey": route.key,
        "stage": api.stage or "$default",
        "time": strftime("%d/%b/%Y:%H:%M:%S +0000", gmtime(asked.time)),
        "timeEpoch": int(asked.time * 1000),
    }
    parameters = {name: ",".join(values) for name, values in _grouped(asked.parameters).items()}
    found: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": asked.query,
        **({"cookies": cookies} if cookies else {}),
        "headers": headers,
        **({"queryStringParameters": parameters} if parameters else {}),
        "requestContext": requested,
        **({"pathParameters": _decoded(taken)} if taken.parameters else {}),
        **({"stageVariables": dict(api.variables)} if api.variables else {}),
        **({"body": body} if body is not None else {}),
        "isBase64Encoded": encoded,
    }
    return found


def _decoded(taken: Taken) -> dict[str, str]:
    return {name: unquote(value) for name, value in taken.parameters.items()}


def written(event: Mapping[str, Any]) -> bytes:
    """Return an event's bytes."""
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _passed_on(asked: Asked) -> list[tuple[str, str]]:
    """Return the request's headers with those that AWS puts beside them."""
    ours = {"x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "x-amzn-trace-id"}
    own = [(n, v) for n, v in asked.headers if n.lower() not in ours and n.lower() not in HOPS]
    before = asked.header("x-forwarded-for")
    return [
        *own,
        ("X-Amzn-Trace-Id", asked.header("x-amzn-trace-id") or asked.trace),
        ("X-Forwarded-For", f"{before}, {asked.source}" if before else asked.source),
        ("X-Forwarded-Port", str(asked.port)),
        ("X-Forwarded-Proto", "http"),
    ]


HOPS = frozenset({"connection", "expect", "keep-alive", "te", "transfer-encoding", "upgrade"})
"""Headers of the connection, which no function sees."""


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Return all values of each name. A header's name is the same in any case; its first spelling counts."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _body_of_first(asked: Asked, taken: Taken) -> tuple[str | None, bool]:
    """Return the body as format 1.0 has it: in base64 for the media types that the API takes as bytes."""
    if not asked.body:
        return None, False
    api = taken.route.api
    if api.kind is Kind.HTTP:
        return body_of_second(asked)
    if binary(api.binary, asked.media):
        return base64.b64encode(asked.body).decode(), True
    return asked.body.decode("utf-8", "replace"), False


def binary(types: tuple[str, ...], media: str) -> bool:
    """Say whether an API's `binaryMediaTypes` name a media type."""
    named = {t.replace("~1", "/").lower() for t in types}
    return bool(media in named or "*/*" in named or f"{media.partition('/')[0]}/*" in named)


def body_of_second(asked: Asked) -> tuple[str | None, bool]:
    """Return the body as format 2.0 has it: in base64 unless its media type is one of text."""
    if not asked.body:
        return None, False
    media = asked.media
    if not media or media.startswith("text/") or media in READABLE or media.endswith(("+json", "+xml")):
        try:
            return asked.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(asked.body).decode(), True


def _resource(path: str) -> str:
    """Return six characters that stand for a resource, as API Gateway makes them up."""
    number = 0
    for char in path:
        number = (number * 131 + ord(char)) % 36**6
    return "".join("0123456789abcdefghijklmnopqrstuvwxyz"[number // 36**i % 36] for i in range(6))
