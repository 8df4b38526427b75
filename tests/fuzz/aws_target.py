"""`aws.read`: a request that it reads with certainty reads the same when written anew, and as others read it.

Knows what must hold for any request. Does not know which requests are worth trying.
"""

from __future__ import annotations

import base64
import io
import re
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from werkzeug.wrappers import Request

from tests.fuzz.http_target import readings
from tests.wire.sdk import ACCOUNT, KEY, REGION, client, plain, request_of
from valve_aws.aws import Aws, AwsCall, Endpoint, Length, Outgoing, Payload, Unclear, Unwritable
from valve_aws.model.call import Head, Origin, Unreadable
from valve_aws.model.stack import KeySchema

UPSTREAM = Endpoint("http", "127.0.0.1", 80)
AWS = Aws(ACCOUNT, REGION, lambda _: KeySchema(("id", "S")), endpoints=("localhost",))
LENGTH = re.compile(rb"\r\ncontent-length:[^\r\n]*", re.IGNORECASE)
ADDED = frozenset({"ChecksumAlgorithm", "ChecksumCRC32", "ChecksumMode", "EncodingType", "ContentMD5"})
"""What botocore adds by itself."""


def run(text: bytes) -> None:
    """Raise for a request that is read in two ways, or at which the reader fails in a way of its own."""
    head, _, body = text.partition(b"\r\n\r\n")
    # Why: else nearly every change of a body would make it another request than was meant.
    head = LENGTH.sub(b"", head) + b"\r\nContent-Length: %d\r\n\r\n" % len(body)
    requests, _, _ = readings([head + body])
    for taken in requests:
        said = taken.head
        origin = Origin("env", "http", "198.18.0.1", 80)
        judge(Head(said.method, said.target, said.headers, said.host, origin), taken.body)


def judge(head: Head, body: bytes) -> None:
    """Hold one request against its second reading and against the others'."""
    if not AWS.is_aws(head) and not AWS.peek(head):
        return
    AWS.peek(head)
    call = AWS.read(head, body, KEY)
    AWS.refusal(head, "r-1")
    if isinstance(call, Unreadable):
        assert "certainty (" not in call.problem, call.problem
        return
    AWS.refusal(call, "r-1")
    try:
        sent, content = written(call, body)
    except (Unclear, Unwritable):
        return
    again = AWS.read(seen_from(sent), content if sent.body is not None else None, KEY)
    expected = replace(call, foreign="", access_key=KEY.access_key, params=announced(call))
    assert again == expected, f"written anew it reads as {again}, not as {expected}"
    as_werkzeug(head, body, call, sent)
    as_botocore(call)


def written(call: AwsCall, body: bytes) -> tuple[Outgoing, bytes]:
    """Return what goes upstream, and its content."""
    decoder = AWS.payload(call)
    now = datetime.now(UTC)
    if decoder is None:
        sent = AWS.write(call, UPSTREAM, KEY, now)
        return sent, sent.body or b""
    sent = AWS.write(call, UPSTREAM, KEY, now, Length(decoder.length))
    content = decoder.feed(body) + decoder.finish()
    assert str(len(content)) == dict(sent.headers)["content-length"]
    again = AWS.read(seen_from(sent), None, KEY)
    assert isinstance(again, AwsCall), again
    assert again.stream
    second = Payload(again.stream, anew=False)
    assert second.feed(content) + second.finish() == plain_content(call, body)
    return sent, content


def announced(call: AwsCall) -> dict[str, Any]:
    """Return what is written of a call: the name of a checksum that does not follow is left out."""
    digests = [n for n in call.params if n.startswith("Checksum") and n != "ChecksumAlgorithm"]
    follows = call.stream is None or digests or call.stream.trailers
    return {n: v for n, v in call.params.items() if follows or n != "ChecksumAlgorithm"}


def plain_content(call: AwsCall, body: bytes) -> bytes:
    """Return an upload's bare content."""
    assert call.stream
    first = Payload(call.stream, anew=False)
    return first.feed(body) + first.finish()


def seen_from(sent: Outgoing) -> Head:
    """Return an outgoing request as one that comes in."""
    host = dict(sent.headers)["host"].rsplit(":", 1)[0]
    return Head(sent.method, sent.path, sent.headers, host, Origin("env", "http", "127.0.0.1", 80))


# Others' readings


def view(method: str, target: str, headers: Any, body: bytes) -> Request:
    """Return a request as moto's server sees it."""
    parts = urlsplit("http://h" + target)
    named = dict(headers)
    path = target.partition("?")[0]
    environ = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "SERVER_NAME": "h", "SERVER_PORT": "80",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"), "QUERY_STRING": parts.query,
        "CONTENT_TYPE": named.get("content-type", ""), "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body), "wsgi.url_scheme": "http",
    }
    return Request(environ)


def as_werkzeug(head: Head, body: bytes, call: AwsCall, sent: Outgoing) -> None:
    """Raise when the server that embedded moto stands on would take the two for different requests."""
    ours = view(sent.method, sent.path, sent.headers, sent.body or b"")
    theirs = view(head.method, head.target, head.headers, body)
    if call.protocol == "query" and head.header("content-encoding") is None:
        given = Counter(value(v) for n, v in {**theirs.args, **theirs.form}.items() if n != "Version")
        kept = Counter(value(v) for v in ours.form.values())
        assert not given - kept, f"values of the form were lost or changed: {given - kept}"
    if call.service == "s3":
        bucket = call.params.get("Bucket", "")
        path: str = theirs.environ["PATH_INFO"]
        if bucket and head.host.startswith(bucket + "."):
            path = f"/{bucket}{path}"
        assert path.rstrip("/") == ours.environ["PATH_INFO"].rstrip("/"), "another path"
        given, kept = ({*request.args} - {"x-id"} for request in (theirs, ours))
        assert given == kept, f"parameters of the query were lost or added: {given ^ kept}"


def value(text: str) -> str:
    """Return a whole number or base64 in one spelling, other text as it is."""
    digits = text.lstrip("+-")
    if digits.isascii() and digits.isdigit():
        return str(int(text))
    with suppress(ValueError):
        return base64.b64decode("".join(text.split()), validate=True).hex()
    return text


@cache
def sdk(service: str) -> Any:
    """Return a client that sends nothing."""
    return client(service, endpoint="http://127.0.0.1")


def as_botocore(call: AwsCall) -> None:
    """Raise when botocore, given what was read, makes a request that reads otherwise."""
    if call.protocol != "json" or call.region != REGION:
        return
    try:
        head, body = request_of(sdk(call.service), call.operation, dict(call.params))
    except Exception:
        return  # botocore does not make everything that can be read
    again = AWS.read(head, body, KEY)
    assert isinstance(again, AwsCall), again
    mine, its = ({k: v for k, v in plain(dict(c.params)).items() if k not in ADDED} for c in (call, again))
    assert (again.operation, its) == (call.operation, mine), "botocore writes it otherwise"
