"""What a head alone says: who signed, which service and region are meant, which operation of a REST service.

Knows how host, credential scope, target and path must agree. Does not read bodies nor check signatures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from valve_aws.aws.credentials import V2_FORM, V2_QUERY, V4_QUERY, Signed, claimed
from valve_aws.aws.directory import Directory
from valve_aws.aws.forms import pairs, unescaped
from valve_aws.aws.hosts import GLOBAL_REGION, Site, is_address, locate
from valve_aws.aws.routes import Asked, Route, Routes, segments_of
from valve_aws.aws.shapes import Operation, Service
from valve_aws.aws.signing import AMZ, AMZ_END
from valve_aws.aws.unclear import Unclear
from valve_aws.model.call import Head
from valve_aws.model.value import value

METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"})
FORM = "application/x-www-form-urlencoded"
JSON = frozenset({"application/x-amz-json-1.0", "application/x-amz-json-1.1", "application/json", ""})
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
TARGET = re.compile(r"([A-Za-z0-9_]{1,128})\.([A-Za-z0-9_]{1,128})")
RPC_PATH = re.compile(r"/service/([A-Za-z0-9_]{1,128})/operation/([A-Za-z0-9_]{1,128})")

OWN_HOST_ONLY = frozenset({"s3control"})
"""Why: it signs as S3 does, and on a custom endpoint its paths would be S3's buckets and keys."""

TRANSPORT = frozenset(
    {
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-content-sha256",
        "x-amz-target",
        "x-amz-user-agent",
        "x-amz-te",
        "x-amz-decoded-content-length",
        "x-amz-trailer",
        "x-amz-algorithm",
        "x-amz-api-version",
    }
)
"""`x-amz-*` headers that belong to signing and framing; any other must be a parameter of the operation."""

HOISTED_BEFORE = frozenset({"content-type", "content-md5", "x-amzn-trace-id"})
"""Headers of other names that SDKs put into a version 2 link's query string; the last, which that of Node
takes from Lambda, says nothing of the operation."""

KEPT_BACK = frozenset(
    {"moto-api", "health", "restapis", "graphql", "favicon.ico", "2018-06-01", "2015-03-31"}
)
"""First path segments behind which embedded clouds keep doors of their own (what begins with `_` is never a
bucket's name); as buckets they would open them."""


@value
class Match:
    """One operation that the head alone names. `route` and what follows are for REST services."""

    service: Service
    operation: Operation | None
    """None: only the body of the form says."""
    protocol: str
    route: Route | None = None
    labels: Mapping[str, str] | None = None
    asked: Asked | None = None


@value
class Plan:
    """What a head says, before the body is read."""

    signed: Signed
    site: Site
    region: str
    path: str
    query: Mapping[str, str]
    whole_query: Mapping[str, str]
    """With what belongs to the signature."""
    matches: tuple[Match, ...]
    operation_prefix: str = ""
    """What the host name has before the service's own: `sync-`."""


class Planner:
    """Makes plans; compiles services when it first meets them."""

    def __init__(self, region: str, directory: Directory, endpoints: tuple[str, ...]) -> None:
        self.region = region
        self.directory = directory
        self.endpoints = endpoints
        self._routes: dict[str, Routes] = {}
        # Why kept: a function calls few services, and calls each by the same few names again and again.
        self.candidates = lru_cache(maxsize=256)(self._candidates)

    def routes(self, service: Service) -> Routes:
        """Return a REST service's routes."""
        found = self._routes.get(service.name)
        if found is None:
            found = self._routes[service.name] = Routes(service)
        return found

    def plan(self, head: Head) -> Plan:
        """Return the plan; raises `Unclear`."""
        if head.method not in METHODS:
            raise Unclear(f"`{head.method[:20]}` is no method of an AWS API")
        same_host(head)
        headers = once(head)
        path, _, raw = head.target.partition("?")
        whole, repeated = query_of(raw)
        signed = claimed(head, whole)
        auth = AUTH_NAMES[signed.kind]
        if auth & repeated.keys():
            raise Unclear("its query string names a parameter twice")
        query = {n: v for n, v in whole.items() if n not in auth} if auth else whole
        site = locate(head.host, self.endpoints)
        named, rpc = headers.get("x-amz-target"), rpc_of(headers, path)
        matches: list[Match] = []
        prefix = ""
        for wide in (False, True):
            services, target, prefix = self.candidates(
                head.host, signed.kind, signed.service, named, rpc[0] if rpc else None, wide)
            for name in services:
                match = self.attempt(name, head, headers, site, path, query, repeated, signed, target, rpc)
                if match is not None:
                    matches.append(match)
            if matches:
                break
        return Plan(signed, site, self.region_of(signed, site), path, query, whole, tuple(matches), prefix)

    def _candidates(self, host: str, kind: str, signer: str, target: str | None, rpc: str | None,
                    wide: bool) -> tuple[tuple[str, ...], str, str]:
        """Return the services that every name in the head agrees on, the target's operation, the host's
        prefix for it. Raises `Unclear`, so that only names of a known form are kept."""
        site = locate(host, self.endpoints)
        found: frozenset[str] | None = None
        prefix = ""
        if site.genuine and not site.bare:
            found = self.directory.prefix(site.prefix, wide)
            if not found:
                found, prefix = self.directory.operation_prefix(site.prefix)
            if not found:
                raise Unclear(f"`{host}` is not a host name of a service that is known here")
        if signer:
            found = self.signers(host, signer, found, wide)
        elif kind in {"v2", "v2-query"}:
            found = frozenset({"s3"}) & found if found is not None else frozenset({"s3"})
        operation = ""
        if target is not None:
            named = TARGET.fullmatch(target)
            if named is None:
                raise Unclear("its `X-Amz-Target` cannot be read")
            by_target, operation = self.directory.target(named[1]), named[2]
            if found is not None and not by_target & found:
                raise Unclear(
                    f"its target `{named[1]}` is not a service of `{host}` that it is signed for"
                )
            found = by_target & found if found is not None else by_target
        elif rpc is not None:
            by_target = self.directory.target(rpc)
            found = by_target & found if found is not None else by_target
        if not found:
            raise Unclear("nothing in it says which AWS service is meant")
        return tuple(sorted(found)), operation, prefix

    def signers(self, host: str, signer: str, hosted: frozenset[str] | None, wide: bool) -> frozenset[str]:
        """Return the services that sign as the request does and that its host serves."""
        if hosted is None:
            found = self.directory.signing(signer, wide) - OWN_HOST_ONLY
            if not found:
                raise Unclear(f"it is signed for `{signer}`, which is not a service that is known here")
            return found
        found = self.directory.signing(signer, wide) & hosted or self.directory.signing(signer, True) & hosted
        if not found:
            raise Unclear(f"it is signed for `{signer}` but `{host}` does not serve that")
        return found

    def attempt(self, name: str, head: Head, headers: dict[str, str], site: Site, path: str,
                query: Mapping[str, str], repeated: Mapping[str, list[str]], signed: Signed, target: str,
                rpc: tuple[str, str] | None) -> Match | None:
        """Return what one service makes of the head; None when nothing. Raises `Unclear` for a mixture."""
        service = self.directory.service(name)
        protocols = service.protocols
        action, kind = "Action" in query, headers.get("content-type", "")
        if bool(target) + (rpc is not None) + action > 1:
            raise Unclear("it names its operation in more than one way")
        form = action or kind[: len(FORM)].lower() == FORM
        if target:
            return json_match(service, head, path, query, target, form, kind)
        if rpc is not None:
            if (
                "smithy-rpc-v2-cbor" not in protocols
                or rpc[0] != service.target
                or rpc[1] not in service.operations
            ):
                return None
            if head.method != "POST" or query:
                raise Unclear("its `smithy-protocol` request is not a plain POST")
            return Match(service, service.operations[rpc[1]], "smithy-rpc-v2-cbor")
        if protocols[0].startswith("rest-"):
            return self.rest_match(service, head, headers, site, path, query, repeated, signed)
        if form:
            return form_match(service, repeated)
        return None

    def rest_match(self, service: Service, head: Head, headers: dict[str, str], site: Site, path: str,
                   query: Mapping[str, str], repeated: Mapping[str, list[str]],
                   signed: Signed) -> Match | None:
        """Return the REST operation that method, path, query and headers fit; None when none does."""
        if service.name == "s3":
            segments = s3_segments(head, site, path)
            headers, query = hoisted(headers, query, signed)
        else:
            segments = segments_of(path)
        ident = query.get("x-id")
        if ident is not None:
            query = {n: v for n, v in query.items() if n != "x-id"}
        amz = [n for n in headers if AMZ <= n < AMZ_END and n not in TRANSPORT]
        asked = Asked(head.method, segments, query, repeated, headers, amz)
        fits = self.routes(service).match(asked)
        if not segments:
            elsewhere = "ListBuckets" if site.express else "ListDirectoryBuckets"
            fits = [f for f in fits if f[0].operation.name != elsewhere]
        if len(fits) > 1:
            named = ", ".join(route.operation.name for route, _ in fits)
            raise Unclear(f"it could be any of {named}")
        if not fits:
            return None
        route, labels = fits[0]
        if ident is not None and ident != route.operation.name:
            raise Unclear(f"it says that it is `{ident[:60]}`, but reads as {route.operation.name}")
        return Match(service, route.operation, service.protocols[0], route, labels, asked)

    def region_of(self, signed: Signed, site: Site) -> str:
        """Return the region that signature and host agree on."""
        if signed.region and site.region and signed.region != site.region:
            raise Unclear(f"it is signed for `{signed.region}` but sent to `{site.region}`")
        named = signed.region or site.region
        if named:
            return named
        # Why not for S3: its first name serves the buckets of every region.
        return (
            GLOBAL_REGION.get(site.partition, self.region)
            if site.genuine and site.prefix != "s3"
            else self.region
        )


AUTH_NAMES: Mapping[str, frozenset[str]] = {
    "": frozenset(), "v4": frozenset(), "v2": frozenset(), "v4-query": V4_QUERY,
    "v2-query": V2_QUERY | {"x-amz-security-token"}, "v2-form": V2_FORM,
}


def same_host(head: Head) -> None:
    """Raise `Unclear` when TLS or CONNECT named another host than the request does."""
    origin = head.origin
    if origin.sni and origin.sni.lower() != head.host:
        raise Unclear("its Host header is not the name that its TLS connection was opened for")
    if origin.connect and origin.connect.lower().rsplit(":", 1)[0].strip("[]") != head.host.strip("[]"):
        raise Unclear("its Host header is not the name that its tunnel was opened for")


REPEATABLE = frozenset({"accept", "accept-encoding", "accept-language", "cache-control", "connection", "via"})


def once(head: Head) -> dict[str, str]:
    """Return the headers by name; raises `Unclear` for one that is there twice: readers differ in which of
    the two they take."""
    headers = dict(head.headers)
    if len(headers) == len(head.headers):
        return headers
    seen: set[str] = set()
    for name, _ in head.headers:
        if name in seen and name not in REPEATABLE:
            raise Unclear(f"its header `{name[:60]}` is there twice")
        seen.add(name)
    return headers


def rpc_of(headers: Mapping[str, str], path: str) -> tuple[str, str] | None:
    """Return (service, operation) of a request that names them in its path, None for any other."""
    if "smithy-protocol" not in headers:
        return None
    named = RPC_PATH.fullmatch(path)
    return (named[1], named[2]) if named else None


def query_of(raw: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return (first value by name, all values of names that are repeated) of a query string."""
    first: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}
    for name, text in pairs(raw, "query string", plus=False) if raw else ():
        if name in first:
            repeated.setdefault(name, [first[name]]).append(text)
        else:
            first[name] = text
    return first, repeated


def json_match(service: Service, head: Head, path: str, query: Mapping[str, str], target: str, form: bool,
               kind: str) -> Match | None:
    """Return the JSON operation that a target names. `kind` is the content type."""
    operation = service.operations.get(target)
    if operation is None or "json" not in service.protocols:
        return None
    if kind not in JSON:
        kind = kind.partition(";")[0].strip().lower()
    if form or kind not in JSON:
        raise Unclear(f"its target says JSON, but its content type is `{kind[:60]}`")
    if head.method != "POST" or path not in {"/", ""} or query or head.header("smithy-protocol") is not None:
        raise Unclear("its target says JSON, but it is not a plain POST to `/`")
    return Match(service, operation, "json")


def form_match(service: Service, repeated: Mapping[str, list[str]]) -> Match | None:
    """Return that a service may be spoken to by a form."""
    if repeated:
        raise Unclear("its query string names a parameter twice")
    if "ec2" in service.protocols:
        return Match(service, None, "ec2")
    if "query" in service.protocols:
        return Match(service, None, "query")
    old = service.old_query
    return Match(old, None, "query") if old else None


def s3_segments(head: Head, site: Site, path: str) -> tuple[str, ...]:
    """Return (), (bucket,) or (bucket, key), raw. Slashes within a key stay as they are, empty segments
    included."""
    if not path.startswith("/"):
        raise Unclear("its path does not begin with `/`")
    if site.bucket:
        bucket, key = site.bucket, path[1:]
    elif not (site.genuine or site.bare or is_address(head.host)) and "." in head.host:
        raise Unclear(f"whether a bucket is named by `{head.host}` or by the path cannot be told; "
                      "declare the endpoint, use its IP address, or set addressing_style to path")
    else:
        bucket, _, key = path[1:].partition("/")
        bucket = unescaped(bucket, "path")
    if not bucket:
        if key:
            raise Unclear("its path names a key without a bucket")
        return ()
    if not (site.bucket and bucket.startswith("arn:")):
        check_bucket(bucket)
    return (bucket, key) if key else (bucket,)


@lru_cache(maxsize=256)
def check_bucket(bucket: str) -> None:
    """Raise `Unclear` for what cannot be the name of a bucket."""
    if not BUCKET.fullmatch(bucket):
        raise Unclear(f"`{bucket[:80]}` cannot be the name of a bucket")
    if bucket.lower() in KEPT_BACK:
        raise Unclear(
            f"`{bucket}` cannot be a bucket's name here, since the embedded cloud keeps it for itself"
        )


def hoisted(
    headers: dict[str, str], query: Mapping[str, str], signed: Signed
) -> tuple[dict[str, str], Mapping[str, str]]:
    """Return headers and query of a presigned S3 URL with the headers that SDKs put into the query moved
    back."""
    if signed.kind not in {"v4-query", "v2-query"}:
        return headers, query
    left, moved = {}, {}
    for name, text in query.items():
        low = name.lower()
        if low.startswith("x-amz-") or (signed.kind == "v2-query" and low in HOISTED_BEFORE):
            if headers.get(low, text) != text or low in moved:
                raise Unclear(f"it says `{low}` in its headers and in its query string")
            moved[low] = text
        else:
            left[name] = text
    return {**headers, **moved}, left
