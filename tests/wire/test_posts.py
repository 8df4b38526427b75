"""A form posted to a bucket is a PutObject of the environment whose key signed it, within its policy.

Knows what browsers and `requests` send. Does not know who may.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pytest
from urllib3.filepost import encode_multipart_formdata

from tests.wire.sdk import ACCOUNT, KEY, REGION, client
from valve_aws.aws import Aws, AwsCall
from valve_aws.model.call import Head, Key, Origin, Unreadable

FILE = ("photo.png", b"\x89PNG\r\n--not-the-boundary\r\n" * 9, "image/png")


@cache
def wire(later: float = 0) -> Aws:
    return Aws(ACCOUNT, REGION, lambda _: None, now=lambda: time.time() + later)


@cache
def signer(version: str) -> Any:
    return client("s3", signature_version=version)


def form(version: str = "s3v4", key: str = "t1/${filename}", **more: Any) -> dict[str, Any]:
    return dict(signer(version).generate_presigned_post("my-bucket", key, ExpiresIn=60, **more))


def posted(made: dict[str, Any], file: Any = FILE, after: Any = (), **changed: str) -> tuple[Head, bytes]:
    """Return the request that posts a form; `after` are fields that follow the file."""
    fields = {**made["fields"], **changed}
    body, kind = encode_multipart_formdata([*fields.items(), ("file", file), *after])
    url = urlsplit(made["url"])
    headers = (("host", url.netloc), ("content-type", kind), ("content-length", str(len(body))))
    host = url.hostname or ""
    return Head("POST", url.path or "/", headers, host, Origin("env", url.scheme, "198.18.0.1", 443)), body


def read(request: tuple[Head, bytes], later: float = 0, key: Key = KEY) -> AwsCall | Unreadable:
    aws = wire(later)
    head, body = request
    assert aws.is_aws(head)
    assert aws.peek(head) >= len(body)
    return aws.read(head, body, key)


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_form_is_read_as_the_put_that_it_is(version: str) -> None:
    found = read(posted(form(version)))
    assert isinstance(found, AwsCall), found
    assert (found.service, found.operation, found.foreign) == ("s3", "PutObject", "")
    assert found.params == {"Bucket": "my-bucket", "Key": "t1/photo.png"}
    assert found.content == FILE[1]
    assert found.resources == ("arn:aws:s3:::my-bucket",)
    assert ("s3:PutObject", "arn:aws:s3:::my-bucket/t1/photo.png") in found.actions


def test_its_fields_are_the_objects_own() -> None:
    given = {"Content-Type": "image/png", "x-amz-meta-who": "me", "Cache-Control": "no-store"}
    made = form(Fields=given, Conditions=[{name: value} for name, value in given.items()])
    found = read(posted(made))
    assert isinstance(found, AwsCall), found
    assert found.params["ContentType"] == "image/png"
    assert found.params["Metadata"] == {"who": "me"}
    assert found.params["CacheControl"] == "no-store"


def test_a_field_that_opens_the_object_opens_it() -> None:
    made = form(Fields={"acl": "public-read"}, Conditions=[{"acl": "public-read"}])
    found = read(posted(made))
    assert isinstance(found, AwsCall), found
    assert found.effect.opens


REFUSED: dict[str, tuple[Any, str]] = {
    "a key that its policy does not allow": (lambda: posted(form(), key="t2/x"), "`key` is not what its"),
    "a field that its policy does not speak of": (
        lambda: posted(form(), acl="public-read"),
        "does not speak of its field `acl`",
    ),
    "a file that is too large": (
        lambda: posted(form(Conditions=[["content-length-range", 1, 5]])),
        "not of a size that its policy allows",
    ),
    "another policy": (
        lambda: posted(form(), policy=form(key="${filename}")["fields"]["policy"]),
        "policy was changed",
    ),
    "another token": (lambda: posted(form(), **{"x-amz-security-token": "VALVEother"}), "session token"),
    "something after its file": (lambda: posted(form(), after=[("acl", "private")]), "goes on after"),
    "an answer that redirects": (
        lambda: posted(
            form(
                Fields={"success_action_redirect": "https://a.test"},
                Conditions=[{"success_action_redirect": "https://a.test"}],
            )
        ),
        "`success_action_redirect` is not read here",
    ),
    "no signature": (lambda: posted({**form(), "fields": {"key": "x"}}), "is not signed"),
}


@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED)
def test_what_its_policy_does_not_allow_is_refused(make: Any, words: str) -> None:
    found = read(make())
    assert isinstance(found, Unreadable), found
    assert words in found.problem


def test_a_form_to_another_bucket_than_its_policy_says_is_refused() -> None:
    head, body = posted(form())
    elsewhere = replace(head, host="other.s3.amazonaws.com", headers=(
        ("host", "other.s3.amazonaws.com"), *head.headers[1:]))
    found = read((elsewhere, body))
    assert isinstance(found, Unreadable)
    assert "`bucket` is not what its policy allows" in found.problem


def test_a_form_ends_when_it_said() -> None:
    assert isinstance(read(posted(form()), 50), AwsCall)
    late = read(posted(form()), 70)
    assert isinstance(late, Unreadable)
    assert "expired" in late.problem


def test_a_form_of_another_environment_is_foreign() -> None:
    found = read(posted(form()), key=Key("ASIAVALVEOTHEROTHERX", "x", "y"))
    assert isinstance(found, AwsCall), found
    assert "not issued to this environment" in found.foreign


def test_a_broken_form_is_refused() -> None:
    head, body = posted(form())
    for broken in (body[:-6], body[2:], body.replace(b"form-data", b"form-dato", 1), b"", body + body):
        found = wire().read(head, broken, KEY)
        assert isinstance(found, Unreadable), broken[:80]


def test_every_changed_byte_of_the_signed_policy_is_refused() -> None:
    made = form()
    policy = made["fields"]["policy"]
    for at in range(0, len(policy), 7):
        changed = policy[:at] + ("A" if policy[at] != "A" else "B") + policy[at + 1:]
        assert isinstance(read(posted(made, policy=changed)), Unreadable)


def test_a_form_to_another_service_is_refused() -> None:
    head, body = posted(form())
    elsewhere = replace(head, host="sqs.us-east-1.amazonaws.com")
    found = wire().read(elsewhere, body, KEY)
    assert isinstance(found, Unreadable)
    assert "takes none" in found.problem


@pytest.mark.parametrize(("wanted", "status"), [("", 204), ("200", 200), ("201", 201), ("777", 204)])
def test_it_is_answered_as_a_form(wanted: str, status: int) -> None:
    given = {"success_action_status": wanted} if wanted else {}
    made = form(Fields=given, Conditions=[given] if wanted else [])
    found = read(posted(made))
    assert isinstance(found, AwsCall), found
    code, headers, body = wire().answered(found, 200, [("etag", '"abc"'), ("server", "x")], b"")
    assert code == status
    assert dict(headers)["location"] == "/my-bucket/t1/photo.png"
    assert (b"<Key>t1/photo.png</Key>" in body) is (status == 201)
