"""A signature says whose request it is: every byte that it covers counts, and nobody else's key does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from valve_aws.aws import Aws, AwsCall, issue
from valve_aws.model.call import Head, Key, Unreadable

Sign = Callable[..., tuple[Head, bytes]]
DYNAMODB = "dynamodb.eu-west-1.amazonaws.com"
S3 = "my-bucket.s3.eu-west-1.amazonaws.com"
JSON = {"x-amz-target": "DynamoDB_20120810.GetItem", "content-type": "application/x-amz-json-1.0"}
BODY = b'{"TableName":"items","Key":{"id":{"S":"x"}}}'


def get_item(sign: Sign, **how: Any) -> tuple[Head, bytes]:
    """Return a good request."""
    return sign("POST", DYNAMODB, "/", BODY, **{"service": "dynamodb", "headers": JSON, **how})


def get_object(sign: Sign, **how: Any) -> tuple[Head, bytes]:
    """Return another good request."""
    return sign("GET", S3, "/a%20b?partNumber=1&versionId=v", **how)


def with_header(head: Head, name: str, value: str) -> Head:
    """Return a head with one header changed."""
    return replace(head, headers=tuple((n, value if n == name else v) for n, v in head.headers))


def test_what_was_signed_with_our_key_is_read(aws: Aws, key: Key, sign: Sign) -> None:
    for head, body in (get_item(sign), get_object(sign)):
        call = aws.read(head, body, key)
        assert isinstance(call, AwsCall), call
        assert (call.access_key, call.foreign) == (key.access_key, "")


@pytest.mark.parametrize("name", ["x", "test", "A" * 128])
def test_what_developers_call_their_keys_is_a_key(aws: Aws, key: Key, sign: Sign, name: str) -> None:
    """No emulator asks for more than one character."""
    short = replace(key, access_key=name)
    head, body = get_item(sign, key=short)
    call = aws.read(head, body, short)
    assert isinstance(call, AwsCall), call
    assert call.access_key == name


@pytest.mark.parametrize(
    "name", ["host", "x-amz-date", "x-amz-security-token", "x-amz-target", "content-type"]
)
def test_a_changed_header_is_refused(aws: Aws, key: Key, sign: Sign, name: str) -> None:
    head, body = get_item(sign)
    old = head.header(name) or ""
    for value in (old + "x", old[:-1] + chr(ord(old[-1]) ^ 1), ""):
        assert isinstance(aws.read(with_header(head, name, value), body, key), Unreadable)


def test_every_changed_byte_of_the_body_is_refused(aws: Aws, key: Key, sign: Sign) -> None:
    head, body = get_item(sign)
    for at in range(len(body)):
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]
        assert isinstance(aws.read(head, changed, key), Unreadable)


def test_every_changed_byte_of_the_target_is_refused(aws: Aws, key: Key, sign: Sign) -> None:
    head, _ = get_object(sign)
    for at in range(1, len(head.target)):
        changed = head.target[:at] + chr(ord(head.target[at]) ^ 1) + head.target[at + 1:]
        assert isinstance(aws.read(replace(head, target=changed), None, key), Unreadable), changed


@pytest.mark.parametrize("method", ["HEAD", "DELETE", "PUT", "POST"])
def test_a_changed_method_is_refused(aws: Aws, key: Key, sign: Sign, method: str) -> None:
    head, body = get_object(sign)
    assert isinstance(aws.read(replace(head, method=method), body, key), Unreadable)


def test_an_amz_header_that_is_not_signed_is_refused(aws: Aws, key: Key, sign: Sign) -> None:
    head, body = get_object(sign, unsigned={"x-amz-request-payer": "requester"})
    assert "not covered" in problem(aws.read(head, body, key))


def test_a_host_that_is_not_signed_is_refused(aws: Aws, key: Key, sign: Sign) -> None:
    head, body = get_item(sign)
    changed = (head.header("authorization") or "").replace(";host;", ";")
    assert "cover the host" in problem(aws.read(with_header(head, "authorization", changed), body, key))


@pytest.mark.parametrize("stamp", ["20270115T074459Z", "20270115T081501Z", "20260115T080000Z"])
def test_a_signature_of_another_time_is_refused(aws: Aws, key: Key, sign: Sign, stamp: str) -> None:
    head, body = get_item(sign, stamp=stamp)
    assert "expired" in problem(aws.read(head, body, key))


@pytest.mark.parametrize("token", ["", "VALVEother"])
def test_another_session_token_is_refused(aws: Aws, key: Key, sign: Sign, token: str) -> None:
    head, body = get_item(sign, key=replace(key, token=token))
    assert "session token" in problem(aws.read(head, body, key))


def test_another_key_makes_a_call_foreign(aws: Aws, key: Key, sign: Sign) -> None:
    theirs = Key("AKIAATTACKER00000000", "theirs", "")
    for make in (get_item, get_object):
        head, body = make(sign, key=theirs)
        call = aws.read(head, body, key)
        assert isinstance(call, AwsCall), call
        assert "not issued to this environment" in call.foreign


def test_the_right_key_id_with_another_secret_is_refused(aws: Aws, key: Key, sign: Sign) -> None:
    head, body = get_item(sign, key=replace(key, secret_key="guessed"))
    assert "signature is wrong" in problem(aws.read(head, body, key))


def test_an_unsigned_call_is_foreign(aws: Aws, key: Key, sign: Sign) -> None:
    head, _ = get_object(sign)
    bare = replace(head, headers=(("host", S3),))
    call = aws.read(bare, None, key)
    assert isinstance(call, AwsCall), call
    assert call.foreign
    assert call.access_key == ""


def test_a_body_said_to_be_unsigned_needs_that_said_in_the_signature(aws: Aws, key: Key, sign: Sign) -> None:
    head, body = get_item(sign, unsigned={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    assert isinstance(aws.read(head, body, key), Unreadable)


@pytest.mark.parametrize(
    "authorization",
    [
        "AWS4-ECDSA-P256-SHA256 Credential=ASIAVALVE2345ABCDEFG/20270115/s3/aws4_request, "
        "SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=x",
        "AWS4-HMAC-SHA512 Credential=ASIAVALVE2345ABCDEFG/2/e/s/aws4_request",
        "Basic eA==",
        "AWS ASIAVALVE2345ABCDEFG:short",
    ],
)
def test_a_signature_of_a_kind_that_is_not_read_is_refused(
    aws: Aws, key: Key, sign: Sign, authorization: str
) -> None:
    head, body = get_object(sign)
    assert isinstance(aws.read(with_header(head, "authorization", authorization), body, key), Unreadable)


def test_two_signatures_are_refused(aws: Aws, key: Key, sign: Sign) -> None:
    head, body = get_object(sign)
    twice = replace(head, target=head.target + "&X-Amz-Signature=" + "0" * 64)
    assert "more than one signature" in problem(aws.read(twice, body, key))


def test_signed_header_values_are_compared_as_aws_folds_them(aws: Aws, key: Key, sign: Sign) -> None:
    head, _ = sign("PUT", S3, "/k", b"x", headers={"x-amz-meta-a": "two  spaces\t here"})
    assert isinstance(aws.read(head, None, key), AwsCall)


def test_an_issued_key_has_the_shape_of_a_temporary_one_and_is_never_the_same() -> None:
    made = issue(lambda count: bytes(range(count)))
    other = issue(lambda count: bytes(range(1, count + 1)))
    assert made.access_key.startswith("ASIA")
    assert len(made.access_key) == 20
    assert len(made.secret_key) == 40
    assert not {made.access_key, made.secret_key, made.token} & {
        other.access_key,
        other.secret_key,
        other.token,
    }


def problem(found: AwsCall | Unreadable) -> str:
    """Return why a request was refused."""
    assert isinstance(found, Unreadable), found
    return found.problem
