"""Requests as events, results as responses. Facts were recorded on AWS, or are its documentation's."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.gateway.asking import IDENT, asked, route, taken
from valve_aws.triggers.gateway import answers, cors
from valve_aws.triggers.gateway.asked import Answer
from valve_aws.triggers.gateway.events import event, written
from valve_aws.triggers.gateway.routes import Cors, Kind


def first(target: str, **more: Any) -> dict[str, Any]:
    return event(asked(target, **more), taken(Kind.REST, parameters={"proxy": target.strip("/")}), None)


def test_an_event_of_format_1_has_what_aws_puts_there() -> None:
    found = first("/a?q=1&q=2&r", method="POST", body=b"{}", User_Agent="ua", Content_Type="application/json")
    assert set(found) == set(
        "resource path httpMethod headers multiValueHeaders queryStringParameters pathParameters body "
        "multiValueQueryStringParameters stageVariables requestContext isBase64Encoded".split()
    )
    assert set(found["requestContext"]) == set(
        "accountId apiId deploymentId domainName domainPrefix extendedRequestId httpMethod identity path "
        "protocol requestId requestTime requestTimeEpoch resourceId resourcePath stage".split()
    )
    assert set(found["requestContext"]["identity"]) == set(
        "accessKey accountId caller cognitoAuthenticationProvider cognitoAuthenticationType "
        "cognitoIdentityId cognitoIdentityPoolId principalOrgId sourceIp user userAgent userArn".split()
    )
    assert found["queryStringParameters"] == {"q": "2", "r": ""}
    assert found["multiValueQueryStringParameters"] == {"q": ["1", "2"], "r": [""]}
    assert (found["body"], found["isBase64Encoded"]) == ("{}", False)
    assert found["requestContext"]["requestTime"] == "14/Nov/2023:22:13:20 +0000"
    assert found["requestContext"]["requestId"] == IDENT


@pytest.mark.parametrize(
    ("target", "path", "whole"),
    [
        ("/proxy-value/", "/proxy-value/", "/prod/proxy-value/"),
        ("/proxy-value//x", "/proxy-value//x", "/prod/proxy-value//x"),
        ("//proxy-value", "/proxy-value", "/prod//proxy-value"),
        ("/u/test%2Balias@gmail.com", "/u/test%2Balias@gmail.com", "/prod/u/test%2Balias@gmail.com"),
    ],
)
def test_a_path_of_format_1_stays_as_it_was_sent(target: str, path: str, whole: str) -> None:
    found = first(target)
    assert (found["path"], found["requestContext"]["path"]) == (path, whole)


def test_the_domain_is_the_one_that_was_asked_for() -> None:
    for kind in Kind:
        found = event(asked("/", Host="api.shop.test"), taken(kind), None)["requestContext"]
        assert (found["domainName"], found["domainPrefix"]) == ("api.shop.test", "api")


def test_a_query_is_decoded_and_nothing_is_null_in_format_1() -> None:
    found = first("/a?email=test%2Balias@gmail.com&plus=test+alias&url=https://www.google.com/")
    assert found["queryStringParameters"] == {
        "email": "test+alias@gmail.com",
        "plus": "test alias",
        "url": "https://www.google.com/",
    }
    bare = event(asked("/"), taken(Kind.REST, "/"), None)
    for name in ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "body"):
        assert bare[name] is None
    assert bare["stageVariables"] is None


def test_headers_of_format_1_keep_their_spelling_and_all_their_values() -> None:
    found = first("/a", headers=(("X-Two", "1"), ("X-Two", "2")), authorization="who")
    assert found["headers"]["X-Two"] == "2"
    assert found["multiValueHeaders"]["X-Two"] == ["1", "2"]
    assert found["headers"]["authorization"] == "who"
    assert found["headers"]["X-Forwarded-For"] == "203.0.113.9"


@pytest.mark.parametrize(
    ("types", "media", "binary"),
    [
        ((), "image/png", False),
        (("image/png",), "image/png", True),
        (("*/*",), "text/plain", True),
        (("image~1*",), "image/gif", True),
        (("image/png",), "image/gif", False),
    ],
)
def test_a_rest_api_takes_as_bytes_what_it_says(types: tuple[str, ...], media: str, binary: bool) -> None:
    sent = asked("/a", "POST", b"\xff\x00a", Content_Type=media)
    found = event(sent, taken(Kind.REST, binary=types), None)
    body = base64.b64encode(sent.body).decode() if binary else "\ufffd\x00a"
    assert (found["body"], found["isBase64Encoded"]) == (body, binary)


def test_an_event_of_format_2_has_what_aws_puts_there() -> None:
    sent = asked(
        "/h/b%20c?q=1&q=2",
        "POST",
        b"a=b",
        headers=(("X-A", "1"), ("x-a", "2"), ("Cookie", "a=1; b=2")),
        Content_Type="application/x-www-form-urlencoded",
    )
    found = event(sent, taken(Kind.HTTP, "/h/{x}", {"x": "b%20c"}, method="POST"), None)
    assert set(found) == set(
        "version routeKey rawPath rawQueryString cookies headers queryStringParameters requestContext "
        "pathParameters body isBase64Encoded".split()
    )
    assert found["routeKey"] == "POST /h/{x}"
    assert found["rawPath"] == "/h/b c"
    assert found["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in found["headers"]
    assert found["headers"]["x-a"] == "1,2"
    assert found["queryStringParameters"] == {"q": "1,2"}
    assert found["pathParameters"] == {"x": "b c"}
    assert (found["body"], found["isBase64Encoded"]) == ("YT1i", True)
    assert found["requestContext"]["http"] == {
        "method": "POST",
        "path": "/h/b c",
        "protocol": "HTTP/1.1",
        "sourceIp": "203.0.113.9",
        "userAgent": "",
    }


def test_the_event_of_a_url_is_nobody_s_and_keeps_its_path() -> None:
    found = event(asked("/pa2%Fth/1"), taken(Kind.URL, "$default"), None)
    assert found["rawPath"] == "/pa2%Fth/1"
    assert (found["routeKey"], found["requestContext"]["stage"]) == ("$default", "$default")
    assert found["requestContext"]["accountId"] == "anonymous"
    assert "queryStringParameters" not in found
    assert "body" not in found


def answered(kind: Kind, result: Any, accept: str = "*/*", **of: Any) -> Answer:
    return answers.answer(asked("/", Accept=accept), route(kind, **of), json.dumps(result).encode())


@pytest.mark.parametrize(
    ("result", "status", "body"),
    [
        ({"statusCode": 200}, 200, b""),
        ({"statusCode": 200, "headers": None}, 200, b""),
        ({"statusCode": "201"}, 201, b""),
        ({"headers": {"test-header": "value"}}, 200, b""),
        ({"statusCode": 200, "body": "dGVzdC1kYXRh", "isBase64Encoded": True}, 200, b"dGVzdC1kYXRh"),
        ({"statusCode": 200, "body": "dGVzdC1kYXRh"}, 200, b"dGVzdC1kYXRh"),
        ({"statusCode": 200, "wrongValue": "value"}, 502, b'{"message":"Internal server error"}'),
        ({"statusCode": "test"}, 502, b'{"message":"Internal server error"}'),
        ({"statusCode": 200, "multiValueHeaders": {"a": "b"}}, 502, b'{"message":"Internal server error"}'),
        ("justAString", 502, b'{"message":"Internal server error"}'),
        ({"statusCode": 200, "body": {"a": 1}}, 502, b'{"message":"Internal server error"}'),
        ({"statusCode": 101}, 502, b'{"message":"Internal server error"}'),
        ({"statusCode": True}, 502, b'{"message":"Internal server error"}'),
    ],
)
def test_a_rest_api_answers_as_recorded(result: Any, status: int, body: bytes) -> None:
    found = answered(Kind.REST, result)
    assert (found.status, found.body) == (status, body)
    assert ("Content-Type", "application/json") in found.headers


@pytest.mark.parametrize(
    ("result", "headers"),
    [
        ({"headers": {"a": "v", "flag": True}}, [("a", "v"), ("flag", "true")]),
        ({"multiValueHeaders": {"m": ["1", "2"]}}, [("m", "1"), ("m", "2")]),
        ({"multiValueHeaders": {"m": ["x"]}, "headers": {"m": "y"}}, [("m", "x"), ("m", "y")]),
        ({"multiValueHeaders": {"M": ["x"]}, "headers": {"m": "y"}}, [("M", "x"), ("M", "y")]),
        ({"headers": {"Server": "mine"}}, [("x-amzn-Remapped-Server", "mine")]),
        ({"headers": {"Content-Length": "9999", "Transfer-Encoding": "chunked"}}, []),
    ],
)
def test_headers_of_a_rest_api_are_as_recorded(result: Any, headers: list[tuple[str, str]]) -> None:
    assert answered(Kind.REST, {"statusCode": 200, **result}).headers == (
        ("Content-Type", "application/json"),
        *headers,
    )


@pytest.mark.parametrize(("kind", "status"), [(Kind.REST, 502), (Kind.HTTP, 500), (Kind.URL, 502)])
@pytest.mark.parametrize(
    "headers",
    [{"a": "b\r\nSet: c"}, {"a\r\nb": "c"}, {"a b": "c"}, {"a": "\x00"}, {"a": "é"}, {"a": [1]}, {"": "x"}],
)
def test_a_header_that_no_head_can_hold_is_no_response(kind: Kind, status: int, headers: Any) -> None:
    assert answered(kind, {"statusCode": 200, "headers": headers}).status == status


def test_bytes_leave_a_rest_api_for_who_accepts_them() -> None:
    result = {"statusCode": 200, "body": "/wA=", "isBase64Encoded": True}
    told = {"binary": ("image/png",)}
    assert answered(Kind.REST, result, "image/png", **told).body == b"\xff\x00"
    assert answered(Kind.REST, result, "text/plain", **told).body == b"/wA="
    assert answered(Kind.REST, result, binary=("*/*",)).body == b"\xff\x00"
    assert answered(Kind.HTTP, result).body == b"\xff\x00"
    assert answered(Kind.HTTP, {**result, "body": "?"}).status == 500


@pytest.mark.parametrize(
    ("result", "body"),
    [
        ({"hello": "world"}, b'{"hello":"world"}'),
        ({"statusCode": 200, "body": "body123"}, b"body123"),
        ({"statusCode": 200, "body": '{"hello": "world"}'}, b'{"hello": "world"}'),
        (["hello", 3, True], b'["hello",3,true]'),
        ("hello", b"hello"),
        (3, b"3"),
        (3.1, b"3.1"),
        (True, b"true"),
        (None, b"null"),
    ],
)
@pytest.mark.parametrize("kind", [Kind.URL, Kind.HTTP])
def test_a_url_answers_as_recorded(kind: Kind, result: Any, body: bytes) -> None:
    found = answered(kind, result)
    assert (found.status, found.body, found.headers) == (200, body, (("Content-Type", "application/json"),))


@pytest.mark.parametrize("kind", [Kind.URL, Kind.HTTP])
def test_the_deepest_result_that_can_be_read_is_answered(kind: Kind) -> None:
    for depth in range(900, 1000):
        nested = b"[" * depth + b"]" * depth
        for result in (nested, b'{"statusCode": 200, "body": ' + nested + b"}"):
            found = answers.answer(asked("/"), route(kind), result)
            assert found == answers.failed(kind) or found.body == nested


def test_cookies_of_format_2_are_a_header_each() -> None:
    found = answered(Kind.HTTP, {"statusCode": 200, "cookies": ["a=1", "b=2"], "headers": {"x": 1}})
    assert found.headers[1:] == (("x", "1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))


def test_a_stream_begins_with_its_status_and_headers() -> None:
    found = answers.prelude(b'{"statusCode": 201, "headers": {"x-a": "1"}, "cookies": ["c=1"]}')
    assert found.status == 201
    assert set(found.headers) >= {("x-a", "1"), ("Set-Cookie", "c=1")}
    for wrong in (b"", b"[]", b"{", b'{"statusCode": 99}'):
        with pytest.raises(answers.Malformed):
            answers.prelude(wrong)


CORS = Cors(("https://a.test", "https://*.b.test"), "GET,POST", "x-a", "x-b", "60", True)


def test_an_api_answers_other_origins_by_itself() -> None:
    ask = {"method": "OPTIONS", "Access_Control_Request_Method": "GET"}
    found = cors.preflight(asked("/", Origin="https://a.test", **ask), CORS)
    assert found is not None
    assert found.status == 204
    assert dict(found.headers) == {
        "Access-Control-Allow-Origin": "https://a.test",
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "GET,POST",
        "Access-Control-Allow-Headers": "x-a",
        "Access-Control-Max-Age": "60",
    }
    other = cors.preflight(asked("/", Origin="https://c.test", **ask), CORS)
    assert other is not None
    assert other.headers == ()
    assert cors.preflight(asked("/", "OPTIONS", Origin="https://a.test"), CORS) is None
    assert cors.preflight(asked("/", Origin="https://a.test", **ask), None) is None


def test_a_function_s_own_word_to_other_origins_does_not_count() -> None:
    said = Answer(200, (("access-control-allow-origin", "*"), ("x", "1")))
    found = cors.beside(asked("/", Origin="https://x.b.test"), CORS, said)
    assert found.headers == (
        ("x", "1"),
        ("Access-Control-Allow-Origin", "https://x.b.test"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Expose-Headers", "x-b"),
    )
    assert cors.beside(asked("/", Origin="https://evil.test"), CORS, said).headers == (("x", "1"),)


def test_an_event_is_whatever_bytes_its_request_had() -> None:
    sent = asked("/%ff%00?%ff=%f0%9f%98%80", "POST", b"\xed\xa0\x80", headers=(("x", "\x7f"),))
    for kind in Kind:
        assert json.loads(written(event(sent, taken(kind), None)))
