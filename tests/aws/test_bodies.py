"""XML, CBOR and compressed bodies are read within bounds, or not at all."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from valve_aws.aws import Aws, AwsCall
from valve_aws.aws.files import model
from valve_aws.aws.shapes import Service
from valve_aws.model.call import Head, Key, Unreadable

Sign = Callable[..., tuple[Head, bytes]]
S3 = "my-bucket.s3.eu-west-1.amazonaws.com"
CLOUDWATCH = "monitoring.eu-west-1.amazonaws.com"
NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
OBJECT = "<Object><Key>k</Key></Object>"


def deletion(inside: str, root: str = "Delete") -> bytes:
    """Return the body of a DeleteObjects."""
    return f"<{root} {NAMESPACE}>{inside}</{root}>".encode()


XML = {
    "a document type": b"<!DOCTYPE Delete>" + deletion(OBJECT),
    "an entity": b'<!DOCTYPE d [<!ENTITY a "b">]>' + deletion("<Object><Key>&a;</Key></Object>"),
    "an outside entity": b'<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    + deletion("<Object><Key>&a;</Key></Object>"),
    "a billion laughs": b'<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + deletion("&b;"),
    "an undeclared entity": deletion("<Object><Key>&a;</Key></Object>"),
    "an instruction": b"<?php x ?>" + deletion(OBJECT),
    "another root": deletion(OBJECT, "Remove"),
    "an element that is not known": deletion(OBJECT + "<Nothing/>"),
    "an element twice": deletion("<Object><Key>a</Key><Key>b</Key></Object>"),
    "loose text": deletion(OBJECT + "text"),
    "an attribute": deletion('<Object x="1"><Key>k</Key></Object>'),
    "a required element that is missing": deletion("<Object><VersionId>v</VersionId></Object>"),
    "an element where text belongs": deletion("<Object><Key><b/></Key></Object>"),
    "nesting without end": deletion("<Object>" * 5000),
    "two documents": deletion(OBJECT) * 2,
    "no document": b"x",
    "another encoding": deletion(OBJECT).decode().encode("utf-16"),
}


@pytest.mark.parametrize("what", XML)
def test_xml_beyond_what_the_model_knows_is_refused(aws: Aws, key: Key, sign: Sign, what: str) -> None:
    head, body = sign("POST", S3, "/?delete", XML[what])
    found = aws.read(head, body, key)
    assert isinstance(found, Unreadable), found
    assert "certainty (" not in found.problem


@pytest.mark.parametrize(
    "body",
    [
        deletion(OBJECT),
        b'<?xml version="1.0" encoding="UTF-8"?>\n' + deletion(f"\n  {OBJECT}\n"),
        b"<Delete>" + deletion(OBJECT)[len(f"<Delete {NAMESPACE}>") :],
    ],
)
def test_xml_as_clients_write_it_is_read(aws: Aws, key: Key, sign: Sign, body: bytes) -> None:
    head, sent = sign("POST", S3, "/?delete", body)
    call = aws.read(head, sent, key)
    assert isinstance(call, AwsCall), call
    assert call.params["Delete"] == {"Objects": [{"Key": "k"}]}


def test_a_body_that_lacks_the_digest_of_its_headers_is_refused(aws: Aws, key: Key, sign: Sign) -> None:
    head, body = sign(
        "POST", S3, "/?delete", deletion(OBJECT), headers={"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    )
    assert isinstance(aws.read(head, body, key), Unreadable)


def metrics(sign: Sign, body: bytes, **headers: str) -> tuple[Head, bytes]:
    """Return a PutMetricData in CBOR."""
    return sign("POST", CLOUDWATCH, "/service/GraniteServiceVersion20100801/operation/PutMetricData", body,
                service="monitoring", headers={"smithy-protocol": "rpc-v2-cbor", **headers})


GOOD = b"\xa1\x69Namespace\x61n"


@pytest.mark.parametrize("body", [GOOD, b"\xbf\x69Namespace\x7f\x61n\xff\xff"])
def test_cbor_is_read(aws: Aws, key: Key, sign: Sign, body: bytes) -> None:
    head, sent = metrics(sign, body)
    call = aws.read(head, sent, key)
    assert isinstance(call, AwsCall), call
    assert call.params == {"Namespace": "n"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        GOOD[:-1],
        GOOD + b"\x00",
        b"\xa2\x69Namespace\x61n\x69Namespace\x61m",
        b"\xa1\x69Namespace\x01",
        b"\xa1\x61x\x61n",
        b"\x81" * 9999,
        b"\xa1\x69Namespace\x61\xff",
        b"\xff",
        b"\x9f",
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xa1\x01\x01",
        b"\xc0\x01",
        b"\x5f\x61a\xff",
        b"\x1c",
        b"\xf8\x00",
    ],
)
def test_cbor_beyond_what_the_model_knows_is_refused(aws: Aws, key: Key, sign: Sign, body: bytes) -> None:
    head, sent = metrics(sign, body)
    found = aws.read(head, sent, key)
    assert isinstance(found, Unreadable), found
    assert "certainty (" not in found.problem


def test_a_compressed_body_is_read_within_bounds(aws: Aws, key: Key, sign: Sign) -> None:
    head, body = metrics(sign, gzip.compress(GOOD), **{"content-encoding": "gzip"})
    assert isinstance(aws.read(head, body, key), AwsCall)
    for bad in (gzip.compress(bytes(64 << 20)), gzip.compress(GOOD)[:-1], gzip.compress(GOOD) * 2, GOOD):
        head, body = metrics(sign, bad, **{"content-encoding": "gzip"})
        assert isinstance(aws.read(head, body, key), Unreadable)
    head, body = metrics(sign, GOOD, **{"content-encoding": "br"})
    assert isinstance(aws.read(head, body, key), Unreadable)


def test_a_body_is_peeked_at_no_further_than_its_service_allows(aws: Aws, sign: Sign) -> None:
    target = {"x-amz-target": "DynamoDB_20120810.PutItem"}
    dynamodb: dict[str, Any] = {"service": "dynamodb", "headers": target}
    head, _ = sign("POST", "dynamodb.eu-west-1.amazonaws.com", "/", b"x" * 17, **dynamodb)
    assert aws.peek(head) == 17
    for name, value in (("content-length", str(1 << 40)), ("transfer-encoding", "chunked")):
        bare, _ = sign("POST", "dynamodb.eu-west-1.amazonaws.com", "/", unsigned={name: value}, **dynamodb)
        assert 16 << 20 < aws.peek(bare) < 20 << 20
    upload, _ = sign("PUT", S3, "/k", b"x" * 17)
    assert aws.peek(upload) == 0


def test_a_body_larger_than_its_service_allows_is_refused(aws: Aws, key: Key, sign: Sign) -> None:
    head, body = sign("POST", S3, "/?delete", deletion(OBJECT), unsigned={"content-length": str(1 << 40)})
    assert isinstance(aws.read(head, body, key), Unreadable)
    head, body = sign("POST", S3, "/?delete", deletion(OBJECT))
    assert isinstance(aws.read(head, None, key), Unreadable)


def test_only_so_many_services_are_compiled(key: Key, sign: Sign) -> None:
    from valve_aws.aws.directory import MOST_COMPILED, Directory
    from valve_aws.aws.unclear import Unclear

    directory = Directory()
    directory._compiled = dict.fromkeys(map(str, range(MOST_COMPILED)), Service("sts", model("sts")))
    with pytest.raises(Unclear):
        directory.service("glacier")
    assert directory.service("sqs").name == "sqs"
