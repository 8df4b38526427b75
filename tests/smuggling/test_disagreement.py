"""Names that disagree: CONNECT, TLS, Host, URL, and what an AWS request says in several places.

Where any two of them differ nothing arrives anywhere, and nobody is asked for any of the names.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import time
from typing import Any

import pytest

from tests.aws.conftest import signed
from tests.aws.test_mixtures import REFUSED
from tests.proxy.conftest import until_closed
from tests.smuggling.conftest import Between, head_of
from valve_aws.model.call import Head

GOOD, OTHER, ADDRESS = "h", "other.test", "203.0.113.9"
"""Both names may be visited; the address, and whatever else, may not."""


def speak(between: Between, connect: str, sni: str | None, host: str, target: str) -> bytes:
    """Send one request with these names; return what comes back of it."""
    with contextlib.suppress(OSError, ssl.SSLError), between.connect() as plain:
        stream: socket.socket = plain
        if connect:
            plain.sendall(f"CONNECT {connect}:443 HTTP/1.1\r\nHost: {connect}:443\r\n\r\n".encode())
            if not plain.recv(1000).startswith(b"HTTP/1.1 200"):
                return b""
        if sni is not None:
            stream = between.trust().wrap_socket(plain, server_hostname=sni)
        stream.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return until_closed(stream)
    return b""


NAMES = [
    (connect, sni, host, url)
    for connect, sni, host, url in itertools.product(
        ("", GOOD, OTHER, ADDRESS),
        (None, GOOD, OTHER, "127.0.0.1"),
        (GOOD, OTHER, "evil.test"),
        ("", GOOD, OTHER),
    )
]


def agreed(connect: str, sni: str | None, host: str, url: str) -> bool:
    """Say whether all names that were given are one that may be visited. An address names nobody."""
    given = {host, url, connect, sni or ""} - {"", ADDRESS, "127.0.0.1"}
    return len(given) == 1 and given <= {GOOD, OTHER}


@pytest.mark.parametrize(("connect", "sni", "host", "url"), NAMES)
def test_a_request_arrives_only_if_all_of_its_names_agree(
    connect: str, sni: str | None, host: str, url: str, between: Between
) -> None:
    scheme = "https" if sni is not None else "http"
    answer = speak(between, connect, sni, host, f"{scheme}://{url}/x" if url else "/x")
    between.settle()
    found = [(m.target, head_of(m)["host"]) for m in between.host.whole() if m.target != "/last"]
    # Why without TLS within a tunnel: its port says 443, and for plain HTTP there no line of the policy is.
    passes = agreed(connect, sni, host, url) and not (connect and sni is None)
    assert found == ([("/x", host)] if passes else []), answer
    assert between.looked_up == []


@pytest.mark.parametrize("wrong", ["http", "https"])
def test_a_url_of_another_scheme_than_the_connection_does_not_arrive(wrong: str, between: Between) -> None:
    speak(between, "", GOOD if wrong == "http" else None, GOOD, f"{wrong}://{GOOD}/x")
    between.settle()
    assert [m.target for m in between.host.whole()] == ["/last"]


@pytest.mark.parametrize("protocol", ["h2", "h3", "spdy/3.1", "h2c"])
def test_no_other_protocol_is_agreed_on_in_tls(protocol: str, between: Between) -> None:
    context = between.trust()
    context.set_alpn_protocols([protocol])
    with between.connect() as plain:
        try:
            stream = context.wrap_socket(plain, server_hostname=GOOD)
        except ssl.SSLError:
            return
        assert stream.selected_alpn_protocol() is None
        stream.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        assert b"only HTTP/1.1 is spoken" in until_closed(stream)
    between.settle()
    assert [m.target for m in between.host.whole()] == ["/last"]


# What an AWS request says in several places


def spoken(head: Head, body: bytes) -> bytes:
    """Return a request as bytes."""
    lines = [f"{head.method} {head.target} HTTP/1.1", *(f"{n}: {v}" for n, v in head.headers), "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


def sent(between: Between, method: str, host: str, target: str, body: bytes, how: dict[str, Any]) -> bytes:
    """Sign a request with the environment's own key, send it, and return the answer."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    how = {"region": "eu-west-1", **how}
    head, content = signed(method, host, target, body, **{**how, "key": between.key, "stamp": stamp})
    return between.say(spoken(head, content))


@pytest.mark.parametrize("what", REFUSED)
def test_a_mixture_does_not_arrive(what: str, between: Between) -> None:
    method, host, target, body, how = REFUSED[what]
    answer = sent(between, method, host, target, body, how)
    assert not answer.startswith(b"HTTP/1.1 2")
    between.settle()
    assert between.cloud.bytes() == b""
    assert [m.target for m in between.host.whole()] == ["/last"]
    assert between.looked_up == []


def test_its_honest_twin_arrives_written_anew(between: Between) -> None:
    host = "keep.s3.us-east-1.amazonaws.com"
    answer = sent(between, "PUT", host, "/k?x-id=PutObject", b"content", {"region": "us-east-1"})
    assert answer.startswith(b"HTTP/1.1 200 ")
    (message,) = between.cloud.whole()
    assert (message.method, message.target, message.body) == ("PUT", "/keep/k", b"content")
    assert between.key.access_key.encode() not in between.cloud.bytes()


@pytest.mark.parametrize(
    ("host", "scope", "target", "query", "path"),
    [
        names
        for names in itertools.product(
            ("sqs", "dynamodb"),
            ("sqs", "dynamodb"),
            ("sqs", "dynamodb", ""),
            ("", "GetQueueUrl"),
            ("/", "/123456789012/jobs"),
        )
        if names not in {("sqs", "sqs", "sqs", "", "/"), ("dynamodb", "dynamodb", "dynamodb", "", "/")}
    ],
)
def test_host_scope_target_action_and_path_must_agree(
    host: str, scope: str, target: str, query: str, path: str, between: Between
) -> None:
    targets = {"sqs": "AmazonSQS.GetQueueUrl", "dynamodb": "DynamoDB_20120810.DescribeTable"}
    bodies = {"sqs": b'{"QueueName":"jobs"}', "dynamodb": b'{"TableName":"customers"}', "": b""}
    headers = {"content-type": "application/x-amz-json-1.0"} if target else {}
    headers |= {"x-amz-target": targets[target]} if target else {}
    if not target and (host, scope) == ("sqs", "sqs") and query and path == "/":
        query = "GetQueueUrl&QueueName=jobs&Surplus=1"  # Why: else it is an older SDK's request, and honest
    asked = f"{path}?Action={query}&Version=2012-11-05" if query else path
    how = {"service": scope, "region": "us-east-1", "headers": headers}
    answer = sent(between, "POST", f"{host}.us-east-1.amazonaws.com", asked, bodies[target], how)
    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert between.cloud.bytes() == b""


def test_an_expression_that_is_too_long_is_answered_in_dynamodbs_words(between: Between) -> None:
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.Scan"}
    how = {"service": "dynamodb", "region": "us-east-1", "headers": headers}
    body = b'{"TableName":"customers","FilterExpression":"' + b"a" * 4097 + b'"}'
    answer = sent(between, "POST", "dynamodb.us-east-1.amazonaws.com", "/", body, how)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"ValidationException" in answer
    assert b"expression size: 4097" in answer
    assert b"x-valve-refused" not in answer
    assert between.cloud.bytes() == b""
    assert [(r.verdict, r.operation) for r in between.records] == [("refuse", "Scan")]
