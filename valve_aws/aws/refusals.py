"""What a refusal looks like to each protocol's client: an error that its SDK knows and does not retry (law
14).

Knows error shapes. Does not know why something was refused, and never says.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from valve_aws.aws.crossing import AwsCall
from valve_aws.model.call import Call, Head

XML_SIGNERS = ("route53", "cloudfront")
"""Signing names of services, beside S3, whose clients read XML."""

Reply = tuple[int, tuple[tuple[str, str], ...], bytes]
"""(status, headers with lower-case names, body)."""

TEXT = "the valve did not let this call pass"
GONE = "the service behind the valve does not answer"


def refusal(asked: Call | Head, ident: str) -> Reply:
    """Return an access denied with a fixed text and an opaque id."""
    if isinstance(asked, Head):
        return SHAPES[protocol_of(asked)](
            "AccessDenied", 403, f"{TEXT} ({ident})", ident, asked.method == "HEAD"
        )
    protocol = asked.protocol if isinstance(asked, AwsCall) else "json"
    return spoken(asked.service, asked.operation, protocol, ident)


def spoken(
    service: str, operation: str, protocol: str, ident: str, answer: tuple[str, str] = ("", "")
) -> Reply:
    """Return an access denied, or what the service itself would answer: its (code, text)."""
    shape = "s3" if service == "s3" else protocol
    headless = service == "s3" and operation.startswith("Head")
    code, text = answer if answer[0] else ("AccessDenied", f"{TEXT} ({ident})")
    return SHAPES.get(shape, as_json)(code, 400 if answer[0] else 403, text, ident, headless)


def declined(asked: Head, ident: str, code: str, text: str) -> Reply:
    """Return the 400 with which a service itself refuses a request."""
    return SHAPES[protocol_of(asked)](code, 400, text, ident, asked.method == "HEAD")


def failure(asked: Call | Head, ident: str) -> Reply:
    """Return a 503 that SDKs retry a bounded number of times: the backend is gone."""
    shape = protocol_of(asked) if isinstance(asked, Head) else (
        "s3" if asked.service == "s3" else asked.protocol if isinstance(asked, AwsCall) else "json")
    headless = asked.method == "HEAD" if isinstance(asked, Head) else asked.operation.startswith("Head")
    return SHAPES.get(shape, as_json)("ServiceUnavailable", 503, f"{GONE} ({ident})", ident, headless)


def protocol_of(head: Head) -> str:
    """Return the protocol whose errors a client that sent this head most likely reads."""
    if head.header("x-amz-target") is not None:
        return "json"
    if head.header("smithy-protocol") is not None:
        return "smithy-rpc-v2-cbor"
    signature = (head.header("authorization") or "") + head.target
    if "/s3/aws4_request" in signature or "%2Fs3%2Faws4_request" in signature or "s3" in head.host.split("."):
        return "s3"
    if (head.header("content-type") or "").lower().startswith("application/x-www-form-urlencoded"):
        return "query"
    if any(f"/{name}/aws4_request" in signature for name in XML_SIGNERS):
        return "rest-xml"
    if head.header("authorization") is not None and (head.header("authorization") or "").startswith("AWS "):
        return "s3"
    return "rest-json"


def as_json(code: str, status: int, text: str, ident: str, _: bool) -> Reply:
    """JSON, and what a client of the query-compatible mode looks for."""
    name = code + "Exception" if code == "AccessDenied" else code
    body = json.dumps({"__type": name, "message": text, "Message": text}).encode()
    headers = (
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amzn-requestid", ident),
        ("x-amzn-errortype", name),
        ("x-amzn-query-error", f"{name};{'Sender' if status < 500 else 'Receiver'}"),
    )
    return status, headers, body


def as_rest_json(code: str, status: int, text: str, ident: str, headless: bool) -> Reply:
    """JSON with the error's name in a header."""
    name = code.removesuffix("Exception") + "Exception"
    body = json.dumps({"message": text, "Message": text}).encode()
    headers = (("content-type", "application/json"), ("x-amzn-requestid", ident), ("x-amzn-errortype", name))
    return status, headers, b"" if headless else body


def as_query(code: str, status: int, text: str, ident: str, _: bool) -> Reply:
    """XML of the query protocol."""
    who = "Sender" if status < 500 else "Receiver"
    body = (f'<ErrorResponse><Error><Type>{who}</Type><Code>{code}</Code><Message>{text}</Message></Error>'
            f"<RequestId>{ident}</RequestId></ErrorResponse>").encode()
    return status, (("content-type", "text/xml"), ("x-amzn-requestid", ident)), body


def as_ec2(code: str, status: int, text: str, ident: str, _: bool) -> Reply:
    """XML of the EC2 protocol."""
    body = (f"<Response><Errors><Error><Code>{code}</Code><Message>{text}</Message></Error></Errors>"
            f"<RequestID>{ident}</RequestID></Response>").encode()
    return status, (("content-type", "text/xml"), ("x-amzn-requestid", ident)), body


def as_s3(code: str, status: int, text: str, ident: str, headless: bool) -> Reply:
    """XML of S3; a reply to HEAD has no body."""
    body = (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{text}</Message>'
            f"<RequestId>{ident}</RequestId><HostId>{ident}</HostId></Error>").encode()
    return (
        status,
        (("content-type", "application/xml"), ("x-amz-request-id", ident)),
        b"" if headless else body,
    )


def as_cbor(code: str, status: int, text: str, ident: str, _: bool) -> Reply:
    """CBOR of smithy-rpc-v2-cbor."""
    from valve_aws.aws.cbor import head
    from valve_aws.aws.cbor import text as words

    name = code.removesuffix("Exception") + "Exception"
    body = head(5, 2) + words("__type") + words(name) + words("message") + words(text)
    headers = (
        ("content-type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
        ("x-amzn-requestid", ident),
        ("x-amzn-query-error", f"{name};{'Sender' if status < 500 else 'Receiver'}"),
    )
    return status, headers, body


Shape = Callable[[str, int, str, str, bool], Reply]

SHAPES: dict[str, Shape] = {
    "s3": as_s3,
    "json": as_json,
    "rest-json": as_rest_json,
    "query": as_query,
    "ec2": as_ec2,
    "rest-xml": as_query,
    "smithy-rpc-v2-cbor": as_cbor,
}
