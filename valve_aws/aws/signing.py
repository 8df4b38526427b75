"""AWS signatures, version 4 and version 2, checked and made.

Knows how they are computed (AWS General Reference, "Signing AWS API requests"; RFC 2104). Does not know which
key is whose. """

from __future__ import annotations

import base64
import calendar
import hmac
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha1, sha256
from urllib.parse import quote, unquote, unquote_to_bytes

from valve_aws.aws.credentials import V4, Signed
from valve_aws.aws.unclear import Unclear
from valve_aws.model.call import Head

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY = sha256(b"").hexdigest()
TOLERANCE = 900
"""Seconds that a signature's time may differ from ours (AWS: 15 minutes)."""

AMZ, AMZ_END = "x-amz-", "x-amz."
"""What begins with the first stands before the second in the order of letters. Why so: all names of all
heads are asked, and this takes a third of the time of looking how each begins."""

UNSIGNED_NAMES = frozenset({"x-amz-te", "x-amz-user-agent"})
"""`x-amz-*` headers that some SDK leaves out of its signature; neither reaches the service."""

PLAIN = re.compile(r"[A-Za-z0-9/._~-]*")
"""A path in which there is nothing to encode."""

SUBRESOURCES = frozenset(
    """
    accelerate acl analytics cors defaultObjectAcl delete inventory lifecycle location logging metrics
    notification partNumber policy replication requestPayment response-cache-control
    response-content-disposition response-content-encoding response-content-language response-content-type
    response-expires restore tagging torrent uploadId uploads versionId versioning versions website
    """.split()
)
"""Query names that version 2 signs for S3 (S3 Developer Guide, "Signing and authenticating REST
requests")."""


@lru_cache(maxsize=256)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Return the key of one day, region and service."""
    key = hmac.digest(b"AWS4" + secret.encode(), date.encode(), "sha256")
    for part in (region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


@lru_cache(maxsize=64)
def instant(stamp: str) -> int:
    """Return epoch seconds of `20261123T210000Z`; raises `Unclear`, so that what is kept has one length."""
    if not re.fullmatch(r"\d{8}T\d{6}Z", stamp):
        raise Unclear("it does not say when it was signed")
    try:
        return calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except (ValueError, OverflowError):
        raise Unclear("it was signed at a time that does not exist") from None


def check_v4(head: Head, signed: Signed, secret: str, payload: str, now: float) -> None:
    """Raise `Unclear` unless the version 4 signature is right. `payload` is the body's hash as it enters the
    signature."""
    stamp = signed.stamp or http_date_stamp(head)
    at = instant(stamp)
    if stamp[:8] != signed.date:
        raise Unclear("the day in its credential scope is not the day it was signed")
    if at - TOLERANCE > now or now > (at + signed.expires if signed.kind == "v4-query" else at + TOLERANCE):
        raise Unclear("its signature has expired, or is not valid yet")
    if "host" not in signed.headers:
        raise Unclear("its signature does not cover the host")
    for name, _ in head.headers:
        if AMZ <= name < AMZ_END and name not in signed.headers and name not in UNSIGNED_NAMES:
            raise Unclear(f"its header `{name}` is not covered by the signature")
    headers = canonical_headers(head.headers, signed.headers)
    path, _, query = head.target.partition("?")
    key = signing_key(secret, signed.date, signed.region, signed.service)
    listed = canonical_query(query, signed.kind == "v4-query")
    tail = f"{listed}\n{headers}\n{';'.join(signed.headers)}\n{payload}"
    for canonical in canonical_paths(path, signed.service):
        text = f"{head.method}\n{canonical}\n{tail}"
        if hmac.compare_digest(sign_v4(key, stamp, signed.scope, text), signed.signature):
            return
    raise Unclear("its signature is wrong: something in it was changed after it was signed")


@lru_cache(maxsize=256)
def begun(key: bytes) -> hmac.HMAC:
    """Return the HMAC of a day's key before its first byte. Why: to copy it takes less than to begin it."""
    return hmac.new(key, digestmod="sha256")


def sign_v4(key: bytes, stamp: str, scope: str, canonical: str) -> str:
    """Return the signature of a canonical request, in hexadecimal."""
    made = begun(key).copy()
    made.update(f"{V4}\n{stamp}\n{scope}\n{sha256(as_sent(canonical)).hexdigest()}".encode())
    return made.hexdigest()


def as_sent(text: str) -> bytes:
    """Return text as the bytes that were on the wire: heads are read and written as Latin-1 (RFC 9110
    §5.5)."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


def canonical_headers(headers: Collection[tuple[str, str]], names: Sequence[str]) -> str:
    """Return the canonical header block; raises `Unclear` when a signed header is not there."""
    found = dict(headers)
    if len(found) != len(headers):
        found = joined(headers)
    try:
        block = "".join([f"{name}:{found[name].strip()}\n" for name in names])
    except KeyError as missing:
        raise Unclear(f"its signature covers a header `{missing.args[0]}` that is not there") from None
    if "  " in block or "\t" in block:
        block = "".join([f"{name}:{trimmed(found[name])}\n" for name in names])
    return block


def trimmed(value: str) -> str:
    """Return a header's value with single spaces between its words."""
    return " ".join(value.split()) if "  " in value or "\t" in value else value.strip()


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers by name, the values of one that is there more than once joined by commas."""
    found: dict[str, str] = {}
    for name, value in headers:
        found[name] = f"{found[name]},{trimmed(value)}" if name in found else trimmed(value)
    return found


def canonical_query(query: str, presigned: bool = False) -> str:
    """Return the canonical query string, without the signature itself when the URL is presigned."""
    if not query:
        return ""
    pairs = []
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if not (presigned and name == "X-Amz-Signature"):
            pairs.append((recoded(name), recoded(value)))
    return "&".join([f"{n}={v}" for n, v in sorted(pairs)])


def recoded(text: str) -> str:
    """Return percent-encoded text in canonical encoding."""
    return quote(unquote_to_bytes(text), safe="-_.~") if not text.isalnum() or not text.isascii() else text


def canonical_paths(path: str, service: str) -> Iterator[str]:
    """Yield the ways in which clients write a path into their signature: as AWS says it, then as it was sent.

    Why more than one is safe: all that a signature proves here is which key made it; what is done is read
    from the path itself and written anew. """
    if service in {"s3", "s3express", "s3-object-lambda", "s3-outposts"}:
        yield path if PLAIN.fullmatch(path) else quote(unquote_to_bytes(path), safe="/-_.~")
        yield path
        yield quote(unquote(path), safe="/~")
    else:
        normal = normalized(path)
        yield quote(normal, safe="/~") if normal != "/" else normal
        yield normal
        yield path


def normalized(path: str) -> str:
    """Return a path without empty and dot segments (RFC 3986 §5.2.4), as all services but S3 sign it."""
    if "//" not in path and "/." not in path:
        return path or "/"
    out: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del out[-1:]
        elif part not in {"", "."}:
            out.append(part)
    return "/" + "/".join(out) + ("/" if path.endswith("/") and out else "")


def http_date_stamp(head: Head) -> str:
    """Return the `Date` header as a stamp: what a signature without `X-Amz-Date` is dated by."""
    from email.utils import parsedate_tz

    date = head.header("date") or ""
    if re.fullmatch(r"\d{8}T\d{6}Z", date):
        return date
    parts = parsedate_tz(date)
    if parts is None:
        raise Unclear("it does not say when it was signed")
    return time.strftime("%Y%m%dT%H%M%SZ", parts[:9])


def check_v2_s3(
    head: Head, signed: Signed, secret: str, query: Mapping[str, str], bucket: str, now: float
) -> None:
    """Raise `Unclear` unless S3's version 2 signature is right. `bucket` is set for a virtual-host name."""
    amz: dict[str, str] = {}
    said = {name.lower(): value for name, value in query.items()}  # SDKs spell a header's name as they like
    for name, value in [*head.headers, *((n, v) for n, v in said.items() if n.startswith("x-amz-"))]:
        if name.startswith("x-amz-"):
            amz[name] = f"{amz[name]},{value.strip()}" if name in amz else value.strip()
    date = "" if "x-amz-date" in amz else head.header("date") or ""
    if signed.kind == "v2-query":
        date = str(signed.expires)
        if now > signed.expires:
            raise Unclear("the presigned URL has expired")
    elif abs(instant(http_date_stamp(dated(head, amz))) - now) > TOLERANCE:
        raise Unclear("its signature has expired, or is not valid yet")
    parts = [(n, v) for n, v in query.items() if n in SUBRESOURCES]
    resource = "&".join(f"{n}={v}" if v else n for n, v in sorted(parts))
    path = head.target.partition("?")[0]
    md5 = head.header("content-md5") or said.get("content-md5", "")
    kind = head.header("content-type") or said.get("content-type", "")
    block = "".join(f"{n}:{amz[n]}\n" for n in sorted(amz))
    # Why three: for a bucket alone SDKs sign the slash that they leave out of the path.
    for written in (f"/{bucket}{path}" if bucket else path, path, f"{path}/"):
        text = f"{head.method}\n{md5}\n{kind}\n{date}\n{block}{written}" + (
            f"?{resource}" if resource else ""
        )
        made = base64.b64encode(
            hmac.digest(secret.encode(), as_sent(text), "sha1")
        ).decode()
        if hmac.compare_digest(made, signed.signature):
            return
    raise Unclear("its signature is wrong: something in it was changed after it was signed")


def dated(head: Head, amz: Mapping[str, str]) -> Head:
    """Return the head with `x-amz-date` in the place of `date`, which it overrides."""
    if "x-amz-date" not in amz:
        return head
    return Head(head.method, head.target, (("date", amz["x-amz-date"]),), head.host, head.origin)


def check_v2_form(head: Head, signed: Signed, secret: str, fields: Mapping[str, str], now: float) -> None:
    """Raise `Unclear` unless the query protocol's version 2 signature is right."""
    stamp = re.sub(r"[-:]|\.\d+", "", signed.stamp)
    if abs(instant(stamp if stamp.endswith("Z") else stamp + "Z") - now) > TOLERANCE:
        raise Unclear("its signature has expired, or is not valid yet")
    listed = "&".join(f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}"
                      for n, v in sorted(fields.items()) if n != "Signature")
    path = head.target.partition("?")[0] or "/"
    digest = {"HmacSHA256": sha256, "HmacSHA1": sha1}[fields["SignatureMethod"]]
    for host in {head.header("host") or head.host, head.host}:
        text = f"{head.method}\n{host.lower()}\n{path}\n{listed}"
        made = base64.b64encode(hmac.new(secret.encode(), text.encode(), digest).digest()).decode()
        if hmac.compare_digest(made, signed.signature):
            return
    raise Unclear("its signature is wrong: something in it was changed after it was signed")
