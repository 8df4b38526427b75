"""What a function returned, as the response that its client gets.

Knows which results each API takes, and what it says instead of the others. Does not know how a function
failed.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

from valve_aws.triggers.gateway.asked import JSON, Answer, Asked, told
from valve_aws.triggers.gateway.events import binary
from valve_aws.triggers.gateway.routes import Kind, Route

MEMBERS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
"""What a result of format 1.0 may have; any other makes it malformed (recorded on AWS)."""

REMAPPED = frozenset({"connection", "date", "host", "server", "via", "www-authenticate", "user-agent"})
"""Headers that a REST API hands on as `x-amzn-Remapped-…` (API Gateway developer guide, important notes)."""

OWNED = frozenset({"content-length", "transfer-encoding"})
"""Headers that say how long a body is: whoever sends it knows."""

STATUS = re.compile(r"[2-5][0-9]{2}")
"""Final responses. Why no others: what answers with them is no response of a server to this request."""

NAME = re.compile(r"[!#$%&'*+._^`|~0-9A-Za-z-]{1,256}")
VALUE = re.compile(r"[\t\x20-\x7e]*")


class Malformed(Exception):
    """A result that is no response."""


FAILED: Mapping[Kind, tuple[int, str]] = {
    Kind.REST: (502, "Internal server error"),
    Kind.HTTP: (500, "Internal Server Error"),
    Kind.URL: (502, "Internal Server Error"),
}

NOT_FOUND: Mapping[Kind, tuple[int, str]] = {
    Kind.REST: (403, "Missing Authentication Token"),
    Kind.HTTP: (404, "Not Found"),
    Kind.URL: (404, "Not Found"),
}

TOO_LONG: Mapping[Kind, tuple[int, str]] = {
    Kind.REST: (413, "Request Too Long"),
    Kind.HTTP: (413, "Request Entity Too Large"),
    Kind.URL: (413, "Request Entity Too Large"),
}
"""What is said of an event that Lambda does not take."""


def failed(kind: Kind) -> Answer:
    """Return what a client gets when the function failed, or its result is no response."""
    status, message = FAILED[kind]
    if kind is Kind.URL:
        return Answer(status, (JSON,), message.encode())
    errors = (("x-amzn-ErrorType", "InternalServerErrorException"),) if kind is Kind.REST else ()
    return told(status, {"message": message}, *errors)


def no_url() -> Answer:
    """Return what a client gets at a function URL that never was one (recorded on AWS)."""
    return told(403, {"Message": None}, ("x-amzn-ErrorType", "AccessDeniedException"))


def closed() -> Answer:
    """Return what a client gets at a function URL that does not let him in, or is no more (recorded on AWS).
    """
    text = "Forbidden. For troubleshooting Function URL authorization issues, see: "
    text += "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
    return told(403, {"Message": text}, ("x-amzn-ErrorType", "AccessDeniedException"))


def throttled() -> Answer:
    """Return what a client gets at a function URL whose function serves as many as it may (Lambda developer
    guide, "Invoking function URLs")."""
    why = {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User"}
    error = ("x-amzn-ErrorType", "TooManyRequestsException")
    return told(429, {**why, "message": "Rate Exceeded."}, error)


def not_found(kind: Kind) -> Answer:
    """Return what a client gets where no route leads."""
    status, message = NOT_FOUND[kind]
    errors = (("x-amzn-ErrorType", "MissingAuthenticationTokenException"),) if kind is Kind.REST else ()
    return told(status, {"message": message}, *errors)


def too_long(kind: Kind) -> Answer:
    """Return what a client gets whose request makes too large an event."""
    status, message = TOO_LONG[kind]
    return told(status, {"message": message})


def answer(asked: Asked, route: Route, payload: bytes) -> Answer:
    """Return the response that a result stands for; a malformed one is the gateway's own error."""
    try:
        result = json.loads(payload)
    except (ValueError, RecursionError):
        return failed(route.api.kind)
    try:
        if route.api.kind is Kind.REST or route.version == "1.0":
            return _first(asked, route, result)
        return _second(result)
    except (Malformed, RecursionError):
        return failed(route.api.kind)


PRELUDE = "application/vnd.awslambda.http-integration-response"
"""The type of a streamed response that begins with its status and headers (Lambda developer guide, "Response
streaming")."""

BREAK = bytes(8)
"""What parts these from the body."""

LONGEST_PRELUDE = 1 << 20


def prelude(written: bytes) -> Answer:
    """Return the status and headers with which a streamed response begins. Raises `Malformed`."""
    try:
        return _second({"statusCode": 200, **json.loads(written), "body": ""})
    except (ValueError, TypeError, RecursionError) as error:
        raise Malformed from error


def _first(asked: Asked, route: Route, result: Any) -> Answer:
    rest = route.api.kind is Kind.REST
    if not isinstance(result, dict) or (rest and result.keys() - MEMBERS):
        raise Malformed
    status = _status(result.get("statusCode", 200))
    headers: list[tuple[str, str]] = []
    many = result.get("multiValueHeaders") or {}
    if not isinstance(many, dict) or not all(isinstance(values, list) for values in many.values()):
        raise Malformed
    for name, values in many.items():
        headers += [_line(name, value) for value in values]
    spelled = {name.lower(): name for name in many}
    for name, value in _mapping(result.get("headers")).items():
        line = _line(spelled.get(name.lower(), name), value)
        if line not in headers:
            headers.append(line)
    body = _text(result.get("body"))
    content = body.encode("utf-8", "surrogatepass")
    accepted = (asked.header("accept") or "").partition(",")[0].partition(";")[0].strip().lower()
    if result.get("isBase64Encoded") is True and (not rest or binary(route.api.binary, accepted)):
        content = _decoded(body)
    remapped = [(f"x-amzn-Remapped-{n}" if rest and n.lower() in REMAPPED else n, v) for n, v in headers]
    return Answer(status, _with_type(remapped), content)


def _second(result: Any) -> Answer:
    if not isinstance(result, dict) or "statusCode" not in result:
        return Answer(200, (JSON,), _compact(result).encode("utf-8", "surrogatepass"))
    headers = [_line(name, value) for name, value in _mapping(result.get("headers")).items()]
    cookies = result.get("cookies") or ()
    if not isinstance(cookies, list | tuple):
        raise Malformed
    headers += [_line("Set-Cookie", cookie) for cookie in cookies]
    body = "" if result.get("body") is None else _compact(result["body"])
    encoded = result.get("isBase64Encoded") is True
    content = _decoded(body) if encoded else body.encode("utf-8", "surrogatepass")
    return Answer(_status(result["statusCode"]), _with_type(headers), content)


def _compact(value: Any) -> str:
    """Return what a function returned as it is handed on: without the blanks that its runtime wrote."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _status(value: Any) -> int:
    text = str(value)
    if isinstance(value, bool) or not isinstance(value, int | str) or not STATUS.fullmatch(text):
        raise Malformed
    return int(text)


def _mapping(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed
    return value


def _line(name: str, value: Any) -> tuple[str, str]:
    """Return a header as it is sent; one that no head can hold makes the result malformed."""
    if isinstance(value, dict | list):
        raise Malformed
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    if not NAME.fullmatch(name) or not VALUE.fullmatch(text):
        raise Malformed
    return name, text


def _text(body: Any) -> str:
    if body is None:
        return ""
    if isinstance(body, dict | list):
        raise Malformed
    return body if isinstance(body, str) else json.dumps(body)


def _decoded(body: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed from error


def _with_type(headers: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    kept = [line for line in headers if line[0].lower() not in OWNED]
    typed = any(name.lower() == "content-type" for name, _ in kept)
    return tuple(kept if typed else [JSON, *kept])
