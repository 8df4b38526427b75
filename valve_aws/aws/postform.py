"""Uploads by an HTML form: the policy that signs them, the fields that must fit, the PutObject that they are.

Knows S3's form posts (S3 API Reference, "Browser-based uploads using POST", SigV4 and SigV2). Does not know
whose keys there are.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import quote

from valve_aws.aws.credentials import V4, Signed, scope_of
from valve_aws.aws.signing import signing_key
from valve_aws.aws.unclear import Unclear
from valve_aws.model.call import Head, Key

LIMIT = 16 << 20
"""Bytes of a form that is held to be read; larger uploads are PutObject's."""

MEMBERS: Mapping[str, str] = {
    "cache-control": "CacheControl",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "content-type": "ContentType",
    "acl": "ACL",
    "x-amz-storage-class": "StorageClass",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
}
"""Field of a form → member of PutObject. What is not here, nor below, is not read."""

SIGNING = frozenset(
    {
        "policy",
        "signature",
        "awsaccesskeyid",
        "x-amz-signature",
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-security-token",
    }
)
UNCOVERED = frozenset({"policy", "signature", "awsaccesskeyid", "x-amz-signature", "file"})
"""Fields that no condition need speak of."""

PLAIN = frozenset({"bucket", "key", "success_action_status", *MEMBERS, *SIGNING})

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")
DISPOSITION = re.compile(
    r'form-data; *name="([^"\r\n]{1,200})"(?:; *filename="([^"\r\n]{0,1024})")?', re.IGNORECASE
)
BOUNDARY = re.compile(
    r"multipart/form-data;\s*(?:charset=[\w-]+;\s*)?boundary=\"?([A-Za-z0-9'()+_,./:=?-]{1,70})\"?",
    re.IGNORECASE,
)


def is_form(head: Head) -> bool:
    """Say whether a request posts a form with a file."""
    return head.method == "POST" and (head.header("content-type") or "")[:19].lower() == "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of a policy: `how` is `eq` or `starts-with`."""

    how: str
    name: str
    value: str

    def holds(self, text: str) -> bool:
        """Say whether a field's value fits."""
        return text == self.value if self.how == "eq" else text.startswith(self.value)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a form allows, as its maker signed it."""

    text: str
    """In base64, as it was signed."""
    ends: float
    conditions: tuple[Condition, ...]
    sizes: tuple[int, int] | None

    def of(self, name: str) -> Condition | None:
        """Return the one condition about a field; raises `Unclear` when there are several."""
        found = [c for c in self.conditions if c.name == name]
        if len(found) > 1:
            raise Unclear(f"its policy says two things about `{name}`")
        return found[0] if found else None


def policy(text: str) -> Policy:
    """Return a policy read; raises `Unclear`."""
    try:
        document = json.loads(base64.b64decode(text, validate=True))
        expiration, listed = document["expiration"], document["conditions"]
        if not ISO.fullmatch(expiration) or set(document) != {"expiration", "conditions"}:
            raise ValueError
        ends = datetime.fromisoformat(expiration.replace("Z", "+00:00")).timestamp()
        found, sizes = [], None
        for entry in listed:
            if isinstance(entry, list) and entry[:1] == ["content-length-range"]:
                _, least, most = entry
                sizes = int(least), int(most)
            else:
                found.append(_condition(entry))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unclear("its form's policy cannot be read") from None
    return Policy(text, ends, tuple(found), sizes)


def _condition(entry: Any) -> Condition:
    if isinstance(entry, dict):
        ((name, value),) = entry.items()
        how = "eq"
    else:
        how, name, value = entry
        name = name.removeprefix("$")
    if how.lower() not in {"eq", "starts-with"} or not isinstance(value, str):
        raise ValueError
    return Condition(how.lower(), name.lower(), value)


def lower(fields: Mapping[str, str]) -> dict[str, str]:
    """Return a form's fields by their names in lower case; raises `Unclear` for one that is there twice."""
    out: dict[str, str] = {}
    for name, value in fields.items():
        if name.lower() in out:
            raise Unclear(f"its form has the field `{name[:60]}` twice")
        out[name.lower()] = value
    return out


def claimed(fields: Mapping[str, str]) -> Signed:
    """Return what a form says about its signature; raises `Unclear`. Names in lower case."""
    token = fields.get("x-amz-security-token", "")
    if "x-amz-signature" in fields and "awsaccesskeyid" not in fields and "signature" not in fields:
        if fields.get("x-amz-algorithm") != V4:
            raise Unclear("its form names an algorithm that is not read here; use AWS4-HMAC-SHA256")
        key, date, region, service = scope_of(fields.get("x-amz-credential", ""))
        if service != "s3":
            raise Unclear("its form is not signed for s3")
        return Signed("v4-post", key, date, region, service, signature=fields["x-amz-signature"], token=token)
    if "signature" in fields and "awsaccesskeyid" in fields and "x-amz-signature" not in fields:
        return Signed("v2-post", fields["awsaccesskeyid"], signature=fields["signature"], token=token)
    raise Unclear("its form is not signed, or in more than one way")


def signature(text: str, key: Key, signed: Signed) -> str:
    """Return the signature of a policy as the form writes it."""
    if signed.kind == "v2-post":
        return base64.b64encode(hmac.digest(key.secret_key.encode(), text.encode(), "sha1")).decode()
    day = signing_key(key.secret_key, signed.date, signed.region, "s3")
    return hmac.digest(day, text.encode(), "sha256").hex()


def check(fields: Mapping[str, str], signed: Signed, key: Key, now: float) -> Policy:
    """Return the policy of a form that is signed with `key`; raises `Unclear` unless it is, and holds now."""
    text = fields.get("policy", "")
    if signed.token != key.token:
        raise Unclear("its session token is missing, or is not the one that was issued with its key")
    if not hmac.compare_digest(signature(text, key, signed), signed.signature):
        raise Unclear("its signature is wrong: its policy was changed after it was signed")
    found = policy(text)
    if now > found.ends:
        raise Unclear("its form has expired")
    return found


def fitting(found: Policy, fields: Mapping[str, str], bucket: str, size: int) -> None:
    """Raise `Unclear` unless every condition holds and every field is spoken of (S3: "Condition
    matching")."""
    there = {**fields, "bucket": bucket}
    for condition in found.conditions:
        if not condition.holds(there.get(condition.name, "")):
            raise Unclear(f"its field `{condition.name[:60]}` is not what its policy allows")
    named = {condition.name for condition in found.conditions}
    for name in fields:
        if name not in UNCOVERED and name not in named and not name.startswith("x-ignore-"):
            raise Unclear(f"its policy does not speak of its field `{name[:60]}`")
    if "bucket" not in named or "key" not in named:
        raise Unclear("its policy does not say which bucket and key it is for")
    if found.sizes and not found.sizes[0] <= size <= found.sizes[1]:
        raise Unclear("its file is not of a size that its policy allows")


def parameters(fields: Mapping[str, str], bucket: str, filename: str = "") -> dict[str, Any]:
    """Return the parameters of the PutObject that a form is; raises `Unclear` for a field not read here."""
    params: dict[str, Any] = {"Bucket": bucket, "Key": fields["key"].replace("${filename}", filename)}
    for name, value in fields.items():
        if name in MEMBERS:
            params[MEMBERS[name]] = value
        elif name.startswith("x-amz-meta-"):
            params.setdefault("Metadata", {})[name.removeprefix("x-amz-meta-")] = value
        elif name not in PLAIN and name != "file" and not name.startswith("x-ignore-"):
            raise Unclear(f"its form's field `{name[:60]}` is not read here")
    if not params["Key"]:
        raise Unclear("its form names no key")
    return params


@dataclass(frozen=True, slots=True)
class Posted:
    """A form as it was posted."""

    fields: dict[str, str]
    filename: str
    content: bytes


def posted(head: Head, body: bytes) -> Posted:
    """Return a form taken apart; raises `Unclear`. The file comes last, as S3 has it."""
    named = BOUNDARY.fullmatch((head.header("content-type") or "").strip())
    if named is None:
        raise Unclear("its form's boundary cannot be read")
    line = b"--" + named[1].encode()
    pieces = (b"\r\n" + body).split(b"\r\n" + line)
    if pieces[0] not in {b"", b"\r\n"} or len(pieces) < 3 or pieces[-1].strip(b"\r\n") != b"--":
        raise Unclear("its form is not complete")
    fields: dict[str, str] = {}
    for at, piece in enumerate(pieces[1:-1], 1):
        name, filename, content = _part(piece)
        if name == "file":
            if at != len(pieces) - 2:
                raise Unclear("its form goes on after its file")
            return Posted(fields, filename, content)
        if name in fields:
            raise Unclear(f"its form has the field `{name[:60]}` twice")
        try:
            fields[name] = content.decode("utf-8")
        except UnicodeError:
            raise Unclear(f"its field `{name[:60]}` is not UTF-8 text") from None
    raise Unclear("its form has no file")


def _part(piece: bytes) -> tuple[str, str, bytes]:
    """Return (name in lower case, file name, content) of one part."""
    head, blank, content = piece.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    disposition = [ln for ln in lines[1:] if ln.lower().startswith(b"content-disposition:")]
    try:
        found = DISPOSITION.fullmatch(disposition[0].partition(b":")[2].strip().decode("utf-8"))
    except (IndexError, UnicodeError):
        found = None
    if not blank or lines[0] or len(disposition) != 1 or found is None:
        raise Unclear("its form has a part that cannot be read")
    return found[1].lower(), (found[2] or "").rpartition("/")[2].rpartition("\\")[2], content


def answered(
    status: int, answer: int, headers: Sequence[tuple[str, str]], bucket: str, key: str
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return how S3 answers a form (`success_action_status`) whose PutObject was answered so."""
    found = dict(headers)
    kept = [(n, v) for n, v in headers if n == "etag" or n.startswith("x-amz-")]
    kept.append(("location", f"/{bucket}/{quote(key)}"))
    if answer != 201 or status != 200:
        return answer if status == 200 else status, kept, b""
    etag = found.get("etag", "")
    told = {"Location": f"/{bucket}/{quote(key)}", "Bucket": bucket, "Key": key, "ETag": etag}
    lines = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in told.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>{lines}</PostResponse>'.encode()
    return 201, [*kept, ("content-type", "application/xml")], body


def written(
    found: Policy, fields: Mapping[str, str], key: Key, region: str, now: datetime, ends: float
) -> dict[str, str]:
    """Return a form's fields signed anew (version 4): the same conditions, another key and end.

    `fields` keep their spelling and order; those of the old signature are replaced.
    """
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    own = {"x-amz-algorithm": V4, "x-amz-credential": f"{key.access_key}/{scope}", "x-amz-date": stamp}
    if key.token:
        own["x-amz-security-token"] = key.token
    conditions: list[Any] = [
        {c.name: c.value} if c.how == "eq" else ["starts-with", f"${c.name}", c.value]
        for c in found.conditions if c.name not in SIGNING
    ]
    conditions += [{name: value} for name, value in own.items()]
    if found.sizes:
        conditions.append(["content-length-range", *found.sizes])
    until = datetime.fromtimestamp(min(found.ends, ends), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = base64.b64encode(json.dumps({"expiration": until, "conditions": conditions}).encode()).decode()
    signed = Signed("v4-post", key.access_key, stamp[:8], region, "s3")
    kept = {name: value for name, value in fields.items() if name.lower() not in SIGNING}
    return {**kept, **own, "policy": text, "x-amz-signature": signature(text, key, signed)}
