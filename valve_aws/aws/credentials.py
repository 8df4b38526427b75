"""How a request says who signed it: header or presigned query, version 4 or 2.

Knows where the parts of a signature stand. Does not know whether they are right; `signing` computes that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from valve_aws.aws.unclear import Unclear
from valve_aws.model.call import Head
from valve_aws.model.value import value

V4 = "AWS4-HMAC-SHA256"
CREDENTIAL = re.compile(
    r"([A-Za-z0-9_-]{1,128})/(\d{8})/([a-z0-9-]{1,64})/([A-Za-z0-9._-]{1,64})/aws4_request"
)
CLAIM = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<credential>[^,\s]+) *, *"
    r"SignedHeaders=(?P<signed>[!#$%&'*+.^`|~0-9A-Za-z;_-]+) *, *"
    r"Signature="
)
"""An `Authorization` header up to the signature itself."""
SIGNATURE = re.compile("[0-9a-f]{64}")
V2_HEADER = re.compile(r"AWS ([A-Za-z0-9_-]{1,128}):([A-Za-z0-9+/]{27}=)")

V4_QUERY = frozenset(
    {
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
    }
)
V2_QUERY = frozenset({"AWSAccessKeyId", "Signature", "Expires"})
V2_FORM = frozenset(
    {
        "AWSAccessKeyId",
        "Signature",
        "SignatureMethod",
        "SignatureVersion",
        "Timestamp",
        "SecurityToken",
        "Expires",
    }
)

NOT_ISSUED = "it is signed with a key that was not issued to this environment"
UNSIGNED = "it is not signed at all"
UNREADABLE = "its `Authorization` header is not an AWS signature that can be read"


@value
class Signed:
    """The claim that a request makes about its signature. `kind`: `v4`, `v4-query`, `v2`, `v2-query`,
    `v2-form`, ""."""

    kind: str
    key: str = ""
    date: str = ""
    """`20261123`."""
    region: str = ""
    service: str = ""
    headers: tuple[str, ...] = ()
    signature: str = ""
    token: str = ""
    stamp: str = ""
    """`20261123T210000Z`."""
    expires: int = 0
    """Seconds that a presigned URL lives; for v2 the epoch second at which it ends."""

    @property
    def scope(self) -> str:
        """Return the credential scope of version 4."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def claimed(head: Head, query: Mapping[str, str]) -> Signed:
    """Return what the head says about its signature; raises `Unclear` for two signatures or a kind not read
    here."""
    authorization = head.header("authorization")
    in_query = "X-Amz-Signature" in query or "X-Amz-Algorithm" in query or "X-Amz-Credential" in query
    old_query = "AWSAccessKeyId" in query and "Signature" in query
    if sum((authorization is not None, in_query, old_query)) > 1:
        raise Unclear("it carries more than one signature")
    if head.header("x-amzn-authorization") is not None:
        raise Unclear("it is signed with version 3, which is not read here; use version 4")
    if authorization is not None:
        return from_header(head, authorization)
    if in_query:
        return from_query(query)
    if old_query:
        if "SignatureVersion" in query:
            return from_form(query)
        ends = query.get("Expires", "")
        if not ends.isdecimal() or len(ends) > 12:
            raise Unclear("the presigned URL does not say when it ends")
        return Signed("v2-query", query["AWSAccessKeyId"], signature=query["Signature"], expires=int(ends),
                      token=query.get("x-amz-security-token", ""))
    return Signed("")


def from_header(head: Head, authorization: str) -> Signed:
    """Read an `Authorization` header."""
    token = head.header("x-amz-security-token") or ""
    if authorization.startswith("AWS ") and (old := V2_HEADER.fullmatch(authorization)):
        return Signed("v2", old[1], signature=old[2], token=token)
    if authorization.startswith("AWS4-ECDSA-P256-SHA256"):
        raise Unclear("it is signed with SigV4a (ECDSA), which a key issued here cannot make; use SigV4")
    text, signature = authorization[:-64], authorization[-64:]
    if not SIGNATURE.fullmatch(signature):
        raise Unclear(UNREADABLE)
    # Why not every one is kept: what is kept must have a size, and no SDK's is so long.
    (key, date, region, service), names = (claim if len(text) <= KEPT else claim.__wrapped__)(text)
    stamp = head.header("x-amz-date") or ""
    return Signed("v4", key, date, region, service, names, signature, token, stamp)


KEPT = 2048
"""Letters of the longest `Authorization` header of which what was read is kept."""


@lru_cache(maxsize=256)
def claim(text: str) -> tuple[tuple[str, str, str, str], tuple[str, ...]]:
    """Return (scope, signed headers) of an `Authorization` header up to its signature: the same all day long
    for all calls of one kind. Raises `Unclear`."""
    found = CLAIM.fullmatch(text)
    if not found:
        raise Unclear(UNREADABLE)
    return scope_of(found["credential"]), signed_names(found["signed"])


def from_query(query: Mapping[str, str]) -> Signed:
    """Read the signature of a version 4 presigned URL."""
    if query.get("X-Amz-Algorithm") != V4:
        raise Unclear("its presigned URL names an algorithm that is not read here; use AWS4-HMAC-SHA256")
    key, date, region, service = scope_of(query.get("X-Amz-Credential", ""))
    expires = query.get("X-Amz-Expires", "")
    signature = query.get("X-Amz-Signature", "")
    if not expires.isdecimal() or int(expires) > 604800 or not re.fullmatch("[0-9a-f]{64}", signature):
        raise Unclear("its presigned URL is not complete (expiry of at most seven days, signature)")
    return Signed(
        "v4-query",
        key,
        date,
        region,
        service,
        signed_names(query.get("X-Amz-SignedHeaders", "")),
        signature,
        query.get("X-Amz-Security-Token", ""),
        query.get("X-Amz-Date", ""),
        int(expires),
    )


def from_form(fields: Mapping[str, str]) -> Signed:
    """Read the signature of a version 2 query request (SDKs of before 2014)."""
    if fields.get("SignatureVersion") != "2" or fields.get("SignatureMethod") not in {
        "HmacSHA256",
        "HmacSHA1",
    }:
        raise Unclear("it is signed with a version that is not read here; use version 4")
    return Signed("v2-form", fields["AWSAccessKeyId"], signature=fields["Signature"],
                  token=fields.get("SecurityToken", ""), stamp=fields.get("Timestamp", ""))


def scope_of(credential: str) -> tuple[str, str, str, str]:
    """Split `KEY/20261123/us-east-1/s3/aws4_request`."""
    found = CREDENTIAL.fullmatch(credential)
    if not found:
        raise Unclear("its credential scope is not `key/date/region/service/aws4_request`")
    return found[1], found[2], found[3], found[4]


def signed_names(text: str) -> tuple[str, ...]:
    """Split the list of signed headers, which must be lower case, in order and without repetition."""
    names = tuple(text.split(";"))
    if not text or list(names) != sorted(set(names)) or text != text.lower():
        raise Unclear("its list of signed headers is not in order")
    return names
