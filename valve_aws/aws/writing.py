"""A call written anew as the request that goes upstream, and signed with the upstream's own key.

Knows each protocol's request from the typed parameters alone. Never sees a byte of the client's head (law 5).
"""

from __future__ import annotations

import base64
import time
from datetime import datetime
from functools import lru_cache
from hashlib import md5, sha256
from urllib.parse import quote

from valve_aws.aws import cbor, documents, forms, rest
from valve_aws.aws.crossing import AwsCall
from valve_aws.aws.directory import Directory
from valve_aws.aws.hosts import SUFFIXES
from valve_aws.aws.plan import KEPT_BACK
from valve_aws.aws.shapes import Operation, Service
from valve_aws.aws.signing import (
    UNSIGNED_PAYLOAD,
    canonical_headers,
    canonical_query,
    normalized,
    sign_v4,
    signing_key,
)
from valve_aws.aws.streams import TRAILER, UNSIGNED_TRAILER
from valve_aws.model.call import Call, Key
from valve_aws.model.value import value


@value
class Endpoint:
    """What stands upstream."""

    scheme: str
    host: str
    port: int
    genuine: bool = True
    """Whether the Host header is AWS's own name (embedded clouds build queue URLs of it), or `host:port`."""

    @property
    def authority(self) -> str:
        """Return `host:port`, without the scheme's own port."""
        usual = {"http": 80, "https": 443}.get(self.scheme)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == usual else f"{host}:{self.port}"


@value
class Length:
    """The size of a body that streams past; `sha256` is its hash in hexadecimal when it is known
    beforehand."""

    count: int
    sha256: str = ""


@value
class Outgoing:
    """A request to send: `path` with query; header names lower case, `host` and `content-length` among
    them."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    """None: the body streams, `content-length` bytes of it."""


class Unwritable(Exception):
    """A call that cannot be written as one request and nothing else."""


@value
class Draft:
    """A request before it is signed."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes | None


class Writing:
    """Writes calls."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory

    def write(self, call: Call, endpoint: Endpoint, credential: Key, now: datetime,
              body: bytes | Length | None) -> Outgoing:
        """Return the upstream request of a call; raises `Unwritable`."""
        service = self.directory.service(call.service)
        protocol = call.protocol if isinstance(call, AwsCall) else service.protocols[0]
        if (
            protocol == "query"
            and service.protocols[0] not in {"query", "ec2"}
            and "query" not in service.protocols
        ):
            service = service.old_query or service
        operation = service.operations[call.operation]
        draft = DRAFTS[protocol](service, operation, call)
        headers = draft.headers
        content = draft.body
        if operation.streaming:
            content, payload = streamed(call, headers, body)
        else:
            content = content or b""
            payload = sha256(content).hexdigest()
            if content or draft.method in {"POST", "PUT", "PATCH"}:
                headers["content-length"] = str(len(content))
        headers["host"] = host_of(service, operation, call, endpoint)
        if service.name == "s3":
            headers["x-amz-content-sha256"] = payload
        return signed(draft, service, call.region, credential, now, content, payload)


def streamed(call: Call, headers: dict[str, str], body: bytes | Length | None) -> tuple[bytes | None, str]:
    """Return (body, its hash for the signature) of an upload, and add the headers that announce it."""
    stream = call.stream if isinstance(call, AwsCall) else None
    if isinstance(body, Length):
        headers["content-length"] = str(body.count)
        if stream is None or not stream.trailers:
            unannounced(headers)
            return None, body.sha256 or UNSIGNED_PAYLOAD
        headers["content-encoding"] = ",".join(
            ["aws-chunked", *filter(None, [headers.get("content-encoding")])]
        )
        headers["x-amz-decoded-content-length"] = str(stream.length)
        headers["x-amz-trailer"] = stream.trailers[0]
        return None, UNSIGNED_TRAILER
    unannounced(headers)
    content = body or b""
    headers["content-length"] = str(len(content))
    return content, sha256(content).hexdigest()


def unannounced(headers: dict[str, str]) -> None:
    """Leave out the checksum's name where no checksum follows: S3 refuses the one without the other."""
    name = "x-amz-sdk-checksum-algorithm"
    if name in headers and not any(TRAILER.fullmatch(other) for other in headers):
        del headers[name]


@lru_cache(maxsize=8)
def stamped(second: int) -> str:
    """Return a second since the epoch as a signature's stamp, `20261123T210000Z`."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))


def signed(draft: Draft, service: Service, region: str, credential: Key, now: datetime, content: bytes | None,
           payload: str) -> Outgoing:
    """Return a draft with its signature (version 4, in the header)."""
    stamp = stamped(int(now.timestamp()))
    headers = draft.headers
    headers["x-amz-date"] = stamp
    if credential.token:
        headers["x-amz-security-token"] = credential.token
    names = sorted(headers.keys() - {"content-length", "expect"})
    listed, day = ";".join(names), stamp[:8]
    scope = f"{day}/{region}/{service.signing}/aws4_request"
    path = draft.path
    if service.name != "s3" and path != "/":
        path = quote(normalized(path), safe="/~")
    block = canonical_headers(headers.items(), names)
    text = f"{draft.method}\n{path}\n{canonical_query(draft.query)}\n{block}\n{listed}\n{payload}"
    key = signing_key(credential.secret_key, day, region, service.signing)
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={credential.access_key}/{scope}, "
                                f"SignedHeaders={listed}, Signature={sign_v4(key, stamp, scope, text)}")
    target = f"{draft.path}?{draft.query}" if draft.query else draft.path
    return Outgoing(draft.method, target, tuple(headers.items()), content)


def host_of(service: Service, operation: Operation, call: Call, endpoint: Endpoint) -> str:
    """Return the Host header."""
    if not endpoint.genuine:
        return endpoint.authority
    suffix = SUFFIX.get(partition_of(call.resources), "amazonaws.com")
    name = f"{service.prefix}.{call.region}.{suffix}"
    if service.name == "iam" and (glob := service.metadata.get("globalEndpoint", "")):
        name = glob
    if operation.name == "ListDirectoryBuckets":
        name = f"s3express-control.{call.region}.{suffix}"
    prefix = operation.host_prefix
    for label in operation.host_labels:
        prefix = prefix.replace(f"{{{label}}}", str(call.params.get(label, "")))
    return prefix + name


SUFFIX = {partition: suffix for suffix, partition in reversed(SUFFIXES)}
"""Partition → the first of the suffixes under which its hosts have their names."""


def partition_of(resources: tuple[str, ...]) -> str:
    """Return the partition of the first of these that is an ARN, "" when none is."""
    for resource in resources:
        if resource.startswith("arn:"):
            return resource.split(":", 2)[1]
    return ""


def json_draft(service: Service, operation: Operation, call: Call) -> Draft:
    """Write a call in the JSON protocol."""
    value = documents.writer(operation.input)(call.params) if operation.input else {}
    headers = {"x-amz-target": f"{service.target}.{operation.name}",
               "content-type": f"application/x-amz-json-{service.json_version}"}
    if service.query_compatible:
        headers["x-amzn-query-mode"] = "true"
    return Draft("POST", "/", "", headers, documents.dumped(value))


def form_draft(service: Service, operation: Operation, call: Call) -> Draft:
    """Write a call in the query or EC2 protocol; to SQS at the queue's own path, as its SDKs do."""
    fields = {"Action": operation.name, "Version": service.version}
    if operation.input:
        forms.write(fields, operation.input, call.params, "", "ec2" in service.protocols)
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    return Draft("POST", "/", "", headers, forms.encoded(fields).encode())


def cbor_draft(service: Service, operation: Operation, call: Call) -> Draft:
    """Write a call in the smithy-rpc-v2-cbor protocol."""
    headers = {"smithy-protocol": "rpc-v2-cbor", "accept": "application/cbor"}
    body = b""
    if operation.input:
        body = cbor.write(operation.input, call.params)
        headers["content-type"] = "application/cbor"
    if service.query_compatible:
        headers["x-amzn-query-mode"] = "true"
    return Draft("POST", f"/service/{service.target}/operation/{operation.name}", "", headers, body)


def rest_draft(service: Service, operation: Operation, call: Call) -> Draft:
    """Write a call in a REST protocol; S3's bucket stands in the path."""
    xml = service.protocols[0] == "rest-xml"
    path = rest.path_written(operation, call.params)
    if operation.uri.startswith("/{") and path.split("/", 2)[1].lower() in KEPT_BACK:
        raise Unwritable(f"`{path[:60]}` would open a door of the embedded cloud's own")
    query = "&".join([f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}"
                      for n, v in rest.query_written(operation, call.params)])
    headers = dict(rest.headers_written(operation, call.params))
    for name, text in headers.items():
        if "\r" in text or "\n" in text or "\0" in text or not name.isascii():
            raise Unwritable(f"its header `{name[:40]}` cannot be written")
    if operation.streaming:
        return Draft(operation.method, path, query, headers, None)
    body, kind = rest.body_written(operation, call.params, xml)
    if body and kind:
        headers.setdefault("content-type", kind)
    if body and operation.wants_digest:
        headers["content-md5"] = base64.b64encode(md5(body, usedforsecurity=False).digest()).decode()
    return Draft(operation.method, path, query, headers, body)


DRAFTS = {"json": json_draft, "query": form_draft, "ec2": form_draft, "smithy-rpc-v2-cbor": cbor_draft,
          "rest-json": rest_draft, "rest-xml": rest_draft}


