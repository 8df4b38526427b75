"""A presigned URL is a call of the environment that made it, for as long as it said, and not one byte
else."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.wire.sdk import ACCOUNT, KEY, REGION, client
from valve_aws.aws import Aws, AwsCall
from valve_aws.model.call import Head, Key, Origin, Unreadable

WAYS: list[dict[str, Any]] = [
    {}, {"signature_version": "s3v4"}, {"signature_version": "s3"}, {"s3": {"addressing_style": "path"}},
    {"endpoint": "http://127.0.0.1:9000"}, {"endpoint": "http://127.0.0.1:9000", "signature_version": "s3"},
]
CALLS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("GET", "get_object", "GetObject", {"Key": "a b/c+d", "ResponseContentType": "text/plain"}),
    ("PUT", "put_object", "PutObject", {"Key": "up", "Metadata": {"who": "me"}, "ContentType": "text/plain"}),
    ("PUT", "upload_part", "UploadPart", {"Key": "up", "PartNumber": 2, "UploadId": "u"}),
    ("DELETE", "delete_object", "DeleteObject", {"Key": "k", "VersionId": "v"}),
    ("GET", "list_objects_v2", "ListObjectsV2", {"Prefix": "a/"}),
]


def wire(later: float = 0) -> Aws:
    """Return a wire whose clock is ahead by some seconds."""
    return Aws(ACCOUNT, REGION, lambda table: None, now=lambda: time.time() + later, judge=lambda *_: None)


def presigned(way: dict[str, Any], call: tuple[str, str, str, dict[str, Any]]) -> Head:
    """Return the head of somebody who uses the URL as it is meant."""
    method, verb, _, params = call
    url = urlsplit(
        client("s3", **way).generate_presigned_url(verb, {"Bucket": "my-bucket", **params}, ExpiresIn=60)
    )
    headers = [("host", url.netloc)]
    if verb == "put_object":
        headers.append(("content-type", "text/plain"))
        if "X-Amz-SignedHeaders" in url.query and "x-amz-meta-who" in url.query:
            headers.append(("x-amz-meta-who", "me"))
    if method == "PUT":
        headers.append(("content-length", "1"))
    at = url.hostname or ""
    return Head(
        method, f"{url.path}?{url.query}", tuple(headers), at, Origin("env", url.scheme, "198.18.0.1", 443)
    )


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[2])
def test_a_presigned_url_is_read_as_the_call_that_it_is(way: dict[str, Any], call: Any) -> None:
    head = presigned(way, call)
    assert wire().is_aws(head)
    found = wire().read(head, None, KEY)
    assert isinstance(found, AwsCall), found
    assert (found.operation, found.foreign) == (call[2], "")
    assert {**found.params, **call[3], "Bucket": "my-bucket"} == found.params


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_presigned_url_ends_when_it_said(way: dict[str, Any]) -> None:
    head = presigned(way, CALLS[0])
    assert isinstance(wire(50).read(head, None, KEY), AwsCall)
    late = wire(70).read(head, None, KEY)
    assert isinstance(late, Unreadable)
    assert "expired" in late.problem


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_every_changed_byte_of_a_presigned_url_is_refused_or_foreign(way: dict[str, Any]) -> None:
    head, aws = presigned(way, CALLS[0]), wire()
    for at in range(1, len(head.target)):
        changed = head.target[:at] + chr(ord(head.target[at]) ^ 1) + head.target[at + 1:]
        found = aws.read(replace(head, target=changed), None, KEY)
        assert isinstance(found, Unreadable) or found.foreign, changed


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_presigned_url_of_another_environment_is_foreign(way: dict[str, Any]) -> None:
    found = wire().read(presigned(way, CALLS[0]), None, Key("ASIAVALVEOTHEROTHERX", "x", "y"))
    assert isinstance(found, AwsCall), found
    assert "not issued to this environment" in found.foreign


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_is_added_to_a_presigned_url_is_refused(way: dict[str, Any]) -> None:
    head = presigned(way, CALLS[1])
    for name, value in (
        ("x-amz-acl", "public-read"),
        ("x-amz-copy-source", "other/k"),
        ("x-amz-meta-b", "c"),
    ):
        more = replace(head, headers=(*head.headers, (name, value)))
        assert isinstance(wire().read(more, None, KEY), Unreadable)
