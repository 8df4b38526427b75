"""botocore as the oracle: makes parameters for any operation from its shapes, and catches the request it
would send.

Knows botocore. Does not know how a request is read.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import botocore.awsrequest
import botocore.session
from botocore.config import Config
from botocore.model import OperationModel, Shape

from valve_aws.model.call import Head, Key, Origin

Carry = Callable[[Head, bytes], tuple[int, Sequence[tuple[str, str]], bytes]]

ACCOUNT = "123456789012"
REGION = "eu-west-1"
KEY = Key("ASIAVALVE2345ABCDEFG", "secret/of+this-environment", "VALVEtoken+/==")
TEXTS = (
    "plain",
    "two words",
    "ü€😀",
    "a&b=c;d",
    "<x>\"'</x>",
    "50%25+1",
    "line\nline",
    "a,b",
    "~!*()",
    "{}[]\\",
    "=?#/:@",
)
HEADER_TEXTS = ("plain", "two words", "a&b=c;d", "<x>'</x>", "50%25+1", "~!*()", "=?#/:@")
KEYS = (
    "a",
    "a/b c/ü€",
    "a//b",
    "/lead",
    "trail/",
    "50%25+1 ~!*'()",
    "a?b#c&d=e;f,g:@",
    'a\\b"c<d>',
    "..x/.y",
    "é\u0301",
)


SESSION = botocore.session.Session()
"""One for all, since it keeps the models that it has loaded."""


def client(service: str, endpoint: str | None = None, account_based: bool = False, **config: Any) -> Any:
    """Return a botocore client that signs with our placeholder key and sends nothing: requests go to
    `client.sent`."""
    made = SESSION.create_client(
        service, region_name=REGION, endpoint_url=endpoint, aws_access_key_id=KEY.access_key,
        aws_secret_access_key=KEY.secret_key, aws_session_token=KEY.token,
        aws_account_id=ACCOUNT if account_based else None,
        config=Config(**{"retries": {"total_max_attempts": 1}, "parameter_validation": False, **config}))
    made.sent = []

    def catch(request: Any, **_: Any) -> Any:
        if made.sent is None:
            return None
        made.sent.append(request)
        return botocore.awsrequest.AWSResponse(request.url, 500, {}, Nothing())

    made.meta.events.register("before-send", catch)
    return made


class Nothing:
    """An empty reply body."""

    def stream(self) -> Iterator[bytes]:
        """Yield nothing."""
        yield b""


def request_of(made: Any, operation: str, params: dict[str, Any]) -> tuple[Head, bytes]:
    """Return the head and body that a client sends for an operation."""
    made.sent.clear()
    try:
        made._make_api_call(operation, params)
    except Exception:
        if not made.sent:
            raise
    return head_of(made.sent[0])


def head_of(request: Any) -> tuple[Head, bytes]:
    """Return a prepared request as the proxy would hand it over."""
    url = urlsplit(request.url)
    headers = [(n.lower(), (v.decode("latin-1") if isinstance(v, bytes) else v).strip())
               for n, v in request.headers.items()]
    if all(n != "host" for n, _ in headers):
        headers.append(("host", url.netloc))
    body = request.body
    body = body.read() if hasattr(body, "read") else body
    body = body.encode() if isinstance(body, str) else bytes(body or b"")
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    port = url.port or (443 if url.scheme == "https" else 80)
    sni = url.hostname or "" if url.scheme == "https" else ""
    return Head(request.method, target, tuple(headers), url.hostname or "",
                Origin("env", url.scheme, "198.18.0.1", port, sni=sni)), body


class Maker:
    """Makes parameters from a shape; the same seed makes the same."""

    def __init__(self, seed: str, full: bool) -> None:
        self.random = random.Random(seed)
        self.full = full

    def params(self, operation: OperationModel) -> dict[str, Any]:
        """Return parameters of an operation: every member, or the required ones."""
        shape = operation.input_shape
        return (
            self.structure(shape, 0, SPECIAL.get(operation.service_model.service_name, {})) if shape else {}
        )

    def structure(self, shape: Shape, depth: int, special: dict[str, Any]) -> dict[str, Any]:
        """Return a structure."""
        if shape.is_document_type:
            return {"a": [1, "x", {"b": True}]}
        names = [n for n in shape.members if self.wanted(shape, n, depth)]
        if getattr(shape, "is_tagged_union", False):
            names = [self.random.choice([n for n in shape.members if self.shallow(shape.members[n], depth)]
                                        or list(shape.members))]
        out = {n: special[n] if depth == 0 and n in special else self.value(shape.members[n], depth + 1)
               for n in names}
        if special is SPECIAL["s3"] and "Key" in out:
            out["Key"] = self.random.choice(KEYS)
        return out

    def wanted(self, shape: Shape, name: str, depth: int) -> bool:
        """Say whether a member is to be filled."""
        member = shape.members[name]
        if name in shape.required_members or member.metadata.get("idempotencyToken"):
            return True
        return self.full and self.shallow(member, depth) and name not in NEVER

    def shallow(self, member: Shape, depth: int) -> bool:
        """Say whether a member is simple enough for this depth."""
        return depth < 4 or member.type_name not in {"structure", "list", "map"}

    def value(self, shape: Shape, depth: int) -> Any:
        """Return a value of any shape."""
        kind = shape.type_name
        if kind == "structure":
            return self.structure(shape, depth, {})
        if kind == "list":
            count = 0 if depth > 8 else max(shape.metadata.get("min", 1), 1)
            if self.in_header(shape) and shape.member.type_name == "string":
                return [self.random.choice((*HEADER_TEXTS, "a,b", 'say "x", y'))]
            return [self.value(shape.member, depth + 1) for _ in range(min(count, 3))]
        if kind == "map" and self.in_header(shape):
            return {f"k{n}": self.random.choice(HEADER_TEXTS) for n in range(2)}
        if kind == "map":
            return {} if depth > 8 else {f"{self.random.choice(TEXTS)}{n}": self.value(shape.value, depth + 1)
                                         for n in range(2)}
        return self.scalar(shape, kind)

    def in_header(self, shape: Shape) -> bool:
        """Say whether a value travels in headers, which hold less than bodies do."""
        return shape.serialization.get("location") in {"header", "headers"}

    def scalar(self, shape: Shape, kind: str) -> Any:
        """Return a single value."""
        if kind == "string":
            if shape.serialization.get("jsonvalue"):
                return {"j": 1}
            if shape.serialization.get("location") == "uri":
                return self.random.choice(("label", "two words", "a:b", "ü", "50%25+1"))
            return self.random.choice(HEADER_TEXTS if self.in_header(shape) else TEXTS)
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind in {"integer", "long"}:
            return self.random.choice((0, 1, 7, 1 << 30))
        if kind in {"float", "double"}:
            return self.random.choice((0.0, 1.5, -2.25, 1e-7))
        if kind == "timestamp":
            return datetime(2024, 2, 29, 12, 34, self.random.randrange(60), tzinfo=UTC)
        return self.random.randbytes(5)


NEVER = frozenset(
    {
        "ContentMD5",
        "ContentLength",
        "ChecksumCRC32",
        "ChecksumCRC32C",
        "ChecksumCRC64NVME",
        "ChecksumSHA1",
        "ChecksumSHA256",
        "ChecksumSHA512",
        "ChecksumMD5",
        "ChecksumXXHASH64",
        "ChecksumXXHASH3",
        "ChecksumXXHASH128",
        "ChecksumAlgorithm",
        "SSECustomerKeyMD5",
        "CopySourceSSECustomerKeyMD5",
        "SSECustomerKey",
        "CopySourceSSECustomerKey",
        "EndpointId",
    }
)
"""Members whose value must agree with the body or another member; tests of their own have them."""

SPECIAL: dict[str, dict[str, Any]] = {
    "s3": {
        "Bucket": "my-bucket",
        "CopySource": "other-bucket/a-b",
        "RenameSource": "/old",
        "Body": b"content",
        "ContentEncoding": "gzip",
        "ObjectAttributes": ["ETag", "ObjectSize"],
    },
    "sqs": {"QueueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/queue"},
    "dynamodb": {"TableName": "table", "ResourceArn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/table"},
    "lambda": {"FunctionName": "function"},
    "kinesis": {
        "StreamName": "stream",
        "StreamARN": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/stream",
        "ConsumerARN": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/stream/consumer/c:1",
        "ResourceARN": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/stream",
        "StreamId": "id",
    },
}
"""Members that botocore's endpoint rules look at."""


def plain(value: Any) -> Any:
    """Return a value in one spelling, so that what was meant and what was read can be compared."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, float):
        return json.dumps(value)
    return value


class Answer:
    """A reply body as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = io.BytesIO(body)

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        """Yield the whole."""
        yield self._body.read()

    def read(self, amount: int | None = None, **_: Any) -> bytes:
        """Return the next bytes."""
        return self._body.read(amount)


def through(service: str, carry: Carry, **config: Any) -> Any:
    """Return a botocore client whose requests `carry` answers: (head, body) in, (status, headers, body)
    out."""
    made = client(service, **config)
    made.sent = None

    def send(request: Any, **_: Any) -> Any:
        status, headers, body = carry(*head_of(request))
        return botocore.awsrequest.AWSResponse(
            request.url, status, botocore.awsrequest.HeadersDict(dict(headers)), Answer(body)
        )

    made.meta.events.register_first("before-send", send)
    return made
