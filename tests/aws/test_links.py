"""Links of this run are found in what leaves, read as their calls, and written anew in their places.

Knows how functions give links away. Does not know which may leave.
"""

from __future__ import annotations

import html
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.playbook.exchanges import sdk
from valve_aws.aws import Aws, Endpoint, Keyring, issue
from valve_aws.aws.wire import Letter
from valve_aws.model.call import Key, Link
from valve_aws.model.cell import Span

ACCOUNT, REGION = "123456789012", "us-east-1"
THERE = Endpoint("http", "127.0.0.1", 4566, False)
BACKEND = Key("testing", "testing", "testing")


class World:
    """One run's wire and one environment of it."""

    def __init__(self) -> None:
        self.ring = Keyring(os.urandom)
        self.key = self.ring.issue("env-1", "Worker")
        self.later = 0.0
        self.aws = Aws(ACCOUNT, REGION, lambda _: None, now=lambda: time.time() + self.later, ring=self.ring)

    def client(self, version: str) -> Any:
        return sdk("s3", self.key, version)

    def url(self, version: str = "s3v4", verb: str = "get_object", **params: Any) -> str:
        given = {"Bucket": "uploads", "Key": "t1/a b", **params}
        made: str = self.client(version).generate_presigned_url(verb, Params=given, ExpiresIn=600)
        return made

    def form(self, version: str = "s3v4", key: str = "t1/${filename}", **more: Any) -> dict[str, Any]:
        client = self.client(version)
        made: dict[str, Any] = client.generate_presigned_post("uploads", key, ExpiresIn=600, **more)
        return made

    def anew(self, link: Link, version: str = "", seconds: int = 60) -> Any:
        return self.aws.anew(link, THERE, BACKEND, datetime.now(UTC), seconds, version)

    def sealed(self, letter: Letter) -> bytes:
        return letter.sealed({link.text: self.anew(link) for link in letter.links})


@pytest.fixture
def world() -> World:
    return World()


def script(url: str) -> str:
    """Return a URL as templates write it into a script."""
    return url.replace("/", "\\/").replace("&", "\\u0026")


def same(one: bytes, other: bytes) -> bool:
    """Say whether two texts differ in spaces and needless escapes at most."""
    return one.replace(b"\\/", b"/").replace(b" ", b"") == other.replace(b"\\/", b"/").replace(b" ", b"")


PLACES: dict[str, Callable[[str], bytes]] = {
    "JSON": lambda url: json.dumps({"url": url}).encode(),
    "a sentence": lambda url: f"It is at {url}, and (soon) gone.".encode(),
    "JSON in JSON": lambda url: json.dumps({"body": json.dumps({"deep": [{"url": url}]})}).encode(),
    "HTML": lambda url: f'<a href="{html.escape(url)}">here</a>'.encode(),
    "HTML in JSON": lambda url: json.dumps({"body": f'<a href="{html.escape(url)}">here</a>'}).encode(),
    "a parameter of another URL": lambda url: f"https://go.test/?to={quote(url, safe='')}&x=1".encode(),
    "a script": lambda url: f'<script>u = "{script(url)}"</script>'.encode(),
    "a key": lambda url: json.dumps({url: 1}).encode(),
}
VERSIONS = ["s3v4", "s3"]
CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("get_object", {}, "GetObject"),
    ("head_object", {}, "HeadObject"),
    ("put_object", {}, "PutObject"),
    ("put_object", {"ContentType": "image/png"}, "PutObject"),
    ("delete_object", {}, "DeleteObject"),
    ("upload_part", {"PartNumber": 2, "UploadId": "u"}, "UploadPart"),
]


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_link_is_found_wherever_it_stands_and_its_place_is_kept(
    world: World, version: str, place: Callable[[str], bytes]
) -> None:
    letter = world.aws.opened(place(world.url(version)))
    (link,) = letter.links
    assert (link.problem, link.function, link.call.operation) == ("", "Worker", "GetObject")
    assert link.call.params["Key"] == "t1/a b"
    assert letter.held == ""
    sealed = world.sealed(letter)
    assert b"ASIAVALVE" not in sealed
    assert same(sealed, place(world.anew(link).url))


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]} {call[1]}")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_link_is_read_as_the_call_that_it_is(world: World, version: str, call: Any) -> None:
    (link,) = world.aws.opened(json.dumps(world.url(version, call[0], **call[1])).encode()).links
    assert (link.problem, link.call.operation) == ("", call[2])
    assert {**link.call.params, **call[1]} == link.call.params
    assert abs(link.ends - time.time() - 600) < 5


def as_older_sdks_write(url: str) -> str:
    """Return a link of version 2 as the older SDK of Node writes it: a header's name is spelled as one, and
    Lambda's trace stands there, which no signature of that version covers."""
    assert "content-type=" in url
    return url.replace("content-type=", "Content-Type=") + "&X-Amzn-Trace-Id=Root%3D1-6b0cda11"


def test_a_link_of_an_older_sdk_is_read_as_the_call_that_it_is(world: World) -> None:
    url = as_older_sdks_write(world.url("s3", "put_object", ContentType="image/png"))
    (link,) = world.aws.opened(json.dumps(url).encode()).links
    assert (link.problem, link.call.operation) == ("", "PutObject")
    assert link.call.params["ContentType"] == "image/png"
    assert "Trace" not in world.anew(link).url
    (other,) = world.aws.opened(json.dumps(url.replace("image%2Fpng", "text%2Fhtml")).encode()).links
    assert "signature is wrong" in other.problem


@pytest.mark.parametrize("version", VERSIONS)
def test_a_link_that_was_changed_or_has_ended_is_not_released(world: World, version: str) -> None:
    changed = world.url(version).replace("t1/", "t2/")
    (link,) = world.aws.opened(changed.encode()).links
    assert "signature is wrong" in link.problem
    world.later = 700
    (link,) = world.aws.opened(world.url(version).encode()).links
    assert "expired" in link.problem


def test_a_link_whose_signed_headers_nobody_says_is_not_released(world: World) -> None:
    (link,) = world.aws.opened(world.url("s3v4", "put_object", Metadata={"who": "me"}).encode()).links
    assert "covers headers" in link.problem


def test_what_another_run_signed_is_no_link_of_ours(world: World) -> None:
    other = sdk("s3", issue(os.urandom))
    url = other.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    assert world.aws.opened(url.encode()).links == ()


def test_what_stands_beside_a_link_is_searched_all_the_same(world: World) -> None:
    letter = world.aws.opened(json.dumps({"url": world.url(), "key": world.key.secret_key}).encode())
    assert len(letter.links) == 1
    assert letter.held.startswith("the secret key")
    assert world.aws.opened(json.dumps({"u": world.url().encode().hex()}).encode()).held


def test_a_released_link_is_a_narrower_one_of_the_backend(world: World) -> None:
    (link,) = world.aws.opened(world.url().encode()).links
    url = urlsplit(world.anew(link, "v-1", 60).url)
    query = parse_qs(url.query)
    assert (url.netloc, url.path) == ("127.0.0.1:4566", "/uploads/t1/a%20b")
    assert query["versionId"] == ["v-1"]
    assert query["X-Amz-Expires"] == ["60"]
    assert query["X-Amz-Credential"][0].startswith("testing/")
    assert 590 < int(parse_qs(urlsplit(world.anew(link, "", 9000).url).query)["X-Amz-Expires"][0]) <= 600


@pytest.mark.parametrize("verb", ["get_object", "put_object"])
def test_botocore_signs_a_released_link_alike(world: World, verb: str) -> None:
    """The oracle: what botocore makes of the same call, at the same second."""
    (link,) = world.aws.opened(world.url("s3v4", verb).encode()).links
    ours = world.anew(link).url
    query = parse_qs(urlsplit(ours).query)
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    auth = S3SigV4QueryAuth(Credentials("testing", "testing", "testing"), "s3", REGION, expires=60)
    method = {"get_object": "GET", "put_object": "PUT"}[verb]
    request = AWSRequest(method, "http://127.0.0.1:4566/uploads/t1/a%20b")
    request.context["timestamp"] = query["X-Amz-Date"][0]
    auth._modify_request_before_signing(request)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    assert auth.signature(text, request) == query["X-Amz-Signature"][0]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_form_is_read_as_what_it_lets_anybody_do(world: World, version: str) -> None:
    letter = world.aws.opened(json.dumps({"body": json.dumps(world.form(version))}).encode())
    (link,) = letter.links
    assert (link.problem, link.form, link.prefix, link.call.operation) == ("", True, "t1/", "PutObject")
    assert {e.span for e in link.call.effect.changes} == {Span.PREFIX}
    assert letter.held == ""
    sealed = json.loads(json.loads(world.sealed(letter))["body"])
    assert sealed["url"] == "http://127.0.0.1:4566/uploads"
    assert sealed["fields"]["key"] == "t1/${filename}"
    assert sealed["fields"]["x-amz-credential"].startswith("testing/")
    assert b"ASIAVALVE" not in world.sealed(letter)
    assert not {"AWSAccessKeyId", "signature"} & sealed["fields"].keys()


def test_a_form_for_one_key_is_for_that_key(world: World) -> None:
    (link,) = world.aws.opened(json.dumps(world.form(key="t1/a")).encode()).links
    assert (link.prefix, link.call.params["Key"]) == (None, "t1/a")


def test_a_released_form_keeps_its_conditions_and_ends_sooner(world: World) -> None:
    import base64

    made = world.form(Conditions=[["content-length-range", 1, 9], ["starts-with", "$Content-Type", "image/"]])
    letter = world.aws.opened(json.dumps(made).encode())
    fields = json.loads(world.sealed(letter))["fields"]
    policy = json.loads(base64.b64decode(fields["policy"]))
    assert ["content-length-range", 1, 9] in policy["conditions"]
    assert ["starts-with", "$content-type", "image/"] in policy["conditions"]
    ends = datetime.fromisoformat(policy["expiration"].replace("Z", "+00:00")).timestamp()
    assert 50 < ends - time.time() <= 60


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"Conditions": [["starts-with", "$acl", ""]]}, "leaves `acl` to whoever posts it"),
        ({"Conditions": [{"success_action_redirect": "https://a.test"}]}, "is not read here"),
    ],
)
def test_a_form_that_leaves_too_much_open_is_not_released(
    world: World, given: dict[str, Any], words: str
) -> None:
    (link,) = world.aws.opened(json.dumps(world.form(**given)).encode()).links
    assert words in link.problem


def test_a_form_whose_policy_was_changed_is_not_released(world: World) -> None:
    made = world.form()
    made["fields"]["policy"] = made["fields"]["policy"].replace("e", "f", 1)
    (link,) = world.aws.opened(json.dumps(made).encode()).links
    assert "signature is wrong" in link.problem


def test_a_thousand_links_cost_no_more_than_those_that_are_read(world: World) -> None:
    url = world.url()
    many = " ".join(url.replace("Signature=", f"Signature={n}") for n in range(1000))
    letter = world.aws.opened(many.encode())
    assert 0 < len(letter.links) <= 32
    assert letter.held

