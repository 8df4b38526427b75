"""A hand that signs requests byte by byte, as a client that wants to deceive would.

Knows SigV4 well enough to sign anything. Shares no code with what is tested.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from valve_aws.aws import Aws
from valve_aws.model.call import Head, Key, Origin
from valve_aws.model.stack import KeySchema

ACCOUNT, REGION = "123456789012", "eu-west-1"
KEY = Key("ASIAVALVE2345ABCDEFG", "secret", "VALVEtoken")
NOW = 1_800_000_000.0
STAMP = "20270115T080000Z"

Sign = Callable[..., tuple[Head, bytes]]


@pytest.fixture
def aws() -> Aws:
    """A wire whose clock stands still, without effect rows."""
    return Aws(ACCOUNT, REGION, lambda table: KeySchema(("id", "S")), now=lambda: NOW, judge=lambda *_: None)


@pytest.fixture
def key() -> Key:
    return KEY


@pytest.fixture
def sign() -> Sign:
    """Return a signer: method, host, target, body; `service`, `region`, `headers`, `unsigned`, `key` as one
    likes."""
    return signed


def signed(method: str, host: str, target: str, body: bytes = b"", **how: Any) -> tuple[Head, bytes]:
    service, region, key = how.get("service", "s3"), how.get("region", REGION), how.get("key", KEY)
    stamp = how.get("stamp", STAMP)
    payload = how.get("payload") or hashlib.sha256(body).hexdigest()
    headers = {"host": host, "x-amz-date": stamp, "x-amz-security-token": key.token, **how.get("headers", {})}
    if service == "s3":
        headers["x-amz-content-sha256"] = payload
    names = ";".join(sorted(headers))
    path, _, query = target.partition("?")
    listed = "&".join(sorted((p if "=" in p else p + "=") for p in query.split("&"))) if query else ""
    block = "".join(f"{n}:{' '.join(headers[n].split())}\n" for n in sorted(headers))
    canonical = "\n".join([method, path if service == "s3" else quote(path), listed, block, names, payload])
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    made = ("AWS4" + key.secret_key).encode()
    for part in (stamp[:8], region, service, "aws4_request", text):
        made = hmac.new(made, part.encode(), hashlib.sha256).digest()
    authorization = (f"AWS4-HMAC-SHA256 Credential={key.access_key}/{scope}, SignedHeaders={names}, "
                     f"Signature={made.hex()}")
    listed_headers = [*headers.items(), ("authorization", authorization), *how.get("unsigned", {}).items()]
    if body:
        listed_headers.append(("content-length", str(len(body))))
    origin = how.get("origin") or Origin("env", "https", "198.18.0.1", 443)
    return Head(method, target, tuple(listed_headers), host.rsplit(":", 1)[0], origin), body
