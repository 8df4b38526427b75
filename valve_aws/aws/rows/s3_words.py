"""The words that S3's rows are written in.

Knows where in S3's parameters a bucket, a key, a source, an upload and a door to others stand. Does not know
which operation uses which word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from valve_aws.aws import names
from valve_aws.aws.rows.row import Asked, Extents, Given, Pairs, Texts, account, anything, listed
from valve_aws.model.cell import CONTENT, NAMES, ONE, Extent, Part, Span


def bucket(asked: Asked) -> str:
    """The bucket's ARN."""
    found: str | None = asked.memo.get("bucket")
    if found is None:
        found = asked.memo["bucket"] = names.bucket(asked.params["Bucket"], asked.place.partition)
    return found


def key(asked: Asked) -> str:
    """The object's key."""
    found: str | None = asked.memo.get("key")
    if found is None:
        found = asked.memo["key"] = names.object_key(asked.params["Key"])
    return found


def _object(asked: Asked) -> list[Extent]:
    return [Extent(bucket(asked), CONTENT, ONE, key(asked), None, asked.params.get("VersionId") or "")]


def _name(asked: Asked) -> list[Extent]:
    return [Extent(bucket(asked), NAMES, ONE, key(asked))]


def _source(asked: Asked, member: str) -> tuple[str, str, str]:
    if member not in asked.memo:
        asked.memo[member] = names.copy_source(asked.params[member], asked.place.partition)
    found: tuple[str, str, str] = asked.memo[member]
    return found


def _copied(member: str, part: Part) -> Extents:
    def at(asked: Asked) -> list[Extent]:
        store, name, version = _source(asked, member)
        return [Extent(store, part, Span.ONE, name, None, version if part is Part.CONTENT else "")]

    return at


def _under(part: Part) -> Extents:
    def at(asked: Asked) -> list[Extent]:
        prefix = asked.params.get("Prefix") or ""
        return [Extent(bucket(asked), part, Span.PREFIX if prefix else Span.ALL, prefix)]

    return at


def _if(member: str, *then: Extents) -> Extents:
    def at(asked: Asked) -> list[Extent]:
        there = asked.params.get(member) is not None
        return [e for select in then for e in select(asked)] if there else []

    return Given(frozenset({member}), at)


CONDITIONS = frozenset(
    {"IfMatch", "IfMatchLastModifiedTime", "IfMatchSize", "IfModifiedSince", "IfUnmodifiedSince"}
)
TELLING = CONDITIONS | {"IfNoneMatch", "VersionId", "WriteOffsetBytes"}
"""Members of a write by which its answer may tell what was there."""


def _conditional(params: Mapping[str, Any]) -> bool:
    return _gives(params, CONDITIONS) or params.get("IfNoneMatch") not in {None, "*"}


def _gives(params: Mapping[str, Any], members: frozenset[str]) -> bool:
    """Say whether any of some members has a value. Why two questions: mostly none is there at all."""
    return not members.isdisjoint(params) and any(params.get(m) is not None for m in members)


def _precondition(asked: Asked) -> list[Extent]:
    """`If-None-Match: *` tells whether the object is there; the others compare with what it holds."""
    if _conditional(asked.params):
        return _object(asked) + _name(asked)
    return _name(asked) if asked.params.get("IfNoneMatch") is not None else []


def unconditional(asked: Asked) -> bool:
    """No condition, no version named, nothing appended: the answer is the same whatever was there."""
    params = asked.params
    if TELLING.isdisjoint(params):
        return True
    plain = "IfNoneMatch" not in params and "VersionId" not in params
    return plain and "WriteOffsetBytes" not in params and not _conditional(params)


def _listed(asked: Asked) -> list[tuple[str, Mapping[str, Any]]]:
    if "listed" not in asked.memo:
        given = listed(asked.params["Delete"]["Objects"])
        asked.memo["listed"] = [(names.object_key(o["Key"]), o) for o in given]
    found: list[tuple[str, Mapping[str, Any]]] = asked.memo["listed"]
    return found


def _told(each: Mapping[str, Any]) -> bool:
    return any(each.get(m) is not None for m in ("VersionId", "ETag", "LastModifiedTime", "Size"))


def _each(part: Part, told: bool = False) -> Extents:
    def at(asked: Asked) -> list[Extent]:
        store = bucket(asked)
        return [
            Extent(
                store, part, Span.ONE, name, None, each.get("VersionId") or "" if part is Part.CONTENT else ""
            )
            for name, each in _listed(asked)
            if not told or _told(each)
        ]

    return at


def listed_unconditional(asked: Asked) -> bool:
    """No object of a batch is deleted on a condition or by its version."""
    return not any(_told(each) for _, each in _listed(asked))


def _begun(asked: Asked) -> list[Extent]:
    # Why one cell for all uploads of a key, never replaced: the id is in the reply only, and what an upload
    # was begun with must be found again when it is completed.
    store, name = bucket(asked), key(asked) + "\0"
    return [Extent(store, Part.CONTENT, Span.ONE, name), Extent(store, Part.NAMES, Span.ONE, name)]


def _upload(asked: Asked) -> list[Extent]:
    store = bucket(asked)
    return [
        Extent(store, Part.CONTENT, Span.ONE, key(asked) + "\0"),
        Extent(store, Part.CONTENT, Span.PREFIX, names.upload(key(asked), asked.params["UploadId"])),
    ]


def _upload_name(asked: Asked) -> list[Extent]:
    store = bucket(asked)
    return [
        Extent(store, Part.NAMES, Span.ONE, key(asked) + "\0"),
        Extent(store, Part.NAMES, Span.ONE, names.upload(key(asked), asked.params["UploadId"])),
    ]


def _part(asked: Asked) -> list[Extent]:
    name = names.upload(key(asked), asked.params["UploadId"], str(int(asked.params["PartNumber"])))
    return [Extent(bucket(asked), Part.CONTENT, Span.ONE, name)]


def _account(part: Part, span: Span = Span.ALL) -> Extents:
    return lambda asked: [Extent(names.account(asked.place, "s3"), part, span)]


def _own_name(asked: Asked) -> list[Extent]:
    return [Extent(names.account(asked.place, "s3"), Part.NAMES, Span.ONE, bucket(asked).rpartition(":")[2])]


EXTENTS: dict[str, Extents] = {
    "object": _object,
    "name": _name,
    "source": _copied("CopySource", Part.CONTENT),
    "source-name": _copied("CopySource", Part.NAMES),
    "rename-source": _copied("RenameSource", Part.CONTENT),
    "rename-source-name": _copied("RenameSource", Part.NAMES),
    "prefix": _under(Part.NAMES),
    "prefix-content": _under(Part.CONTENT),
    "precondition": Given(CONDITIONS | {"IfNoneMatch"}, _precondition),
    "versioned": _if("VersionId", _object, _name),
    "appended": _if("WriteOffsetBytes", _object, _name),
    "listed": _each(Part.CONTENT),
    "listed-names": _each(Part.NAMES),
    "listed-told": lambda asked: [*_each(Part.CONTENT, True)(asked), *_each(Part.NAMES, True)(asked)],
    "begun": _begun,
    "upload": _upload,
    "upload-name": _upload_name,
    "part": _part,
    "config": lambda asked: [Extent(bucket(asked), Part.CONFIG)],
    "set-up": lambda asked: [Extent(bucket(asked), Part.CONFIG, Span.ONE)],
    "all": lambda asked: [Extent(bucket(asked), part) for part in Part],
    "buckets": _account(Part.NAMES),
    "own-name": _own_name,
    "route": _account(Part.CONTENT, Span.NEW),
}
"""`object`: the object. `name`: that it is there. `prefix`: the names under the request's prefix. `listed`:
each of a batch. `begun`: what an upload of this key was begun with. `config`: the bucket's settings.
`buckets`: the account's buckets.
"""


def _arn(asked: Asked) -> str:
    return f"{bucket(asked)}/{key(asked)}"


def _when(*members: str) -> Texts:
    any_of = frozenset(members)
    return Given(any_of, lambda asked: [_arn(asked)] if _gives(asked.params, any_of) else [])


def _from(member: str, versioned: bool | None) -> Texts:
    def at(asked: Asked) -> list[str]:
        store, name, version = _source(asked, member)
        return [f"{store}/{name}"] if versioned is None or bool(version) is versioned else []

    return at


def _deleted(versioned: bool) -> Texts:
    return lambda asked: [
        f"{bucket(asked)}/{name}" for name, each in _listed(asked) if bool(each.get("VersionId")) is versioned
    ]


def _kms(asked: Asked) -> list[str]:
    text = asked.params.get("SSEKMSKeyId")
    arn = names.kms_key(text, asked.place) if text else ""
    return [arn] if arn and ":alias/aws/" not in arn else []


GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")

ACLS = frozenset(GRANTS)

ARNS: dict[str, Texts] = {
    "any": anything,
    # Why not `*`: policies that grant s3:ListAllMyBuckets on this ARN are common, and AWS lets them.
    "buckets": account("s3"),
    "bucket": lambda asked: [bucket(asked)],
    "object": lambda asked: [_arn(asked)],
    "current": lambda asked: [] if asked.params.get("VersionId") else [_arn(asked)],
    "version": _when("VersionId"),
    "source": _from("CopySource", False),
    "source-version": _from("CopySource", True),
    "rename-source": _from("RenameSource", None),
    "listed": _deleted(False),
    "listed-versions": _deleted(True),
    "acl": _when("ACL", *GRANTS),
    "bucket-acl": lambda asked: [bucket(asked)] if any(asked.params.get(m) for m in ("ACL", *GRANTS)) else [],
    "tagged": _when("Tagging"),
    "retained": _when("ObjectLockMode", "ObjectLockRetainUntilDate"),
    "held": _when("ObjectLockLegalHoldStatus"),
    "kms": Given(frozenset({"SSEKMSKeyId"}), _kms),
}
"""IAM's resources. `current` and `version`: the object, as the request does not or does name a version."""

HARMLESS = {None, "private", "bucket-owner-full-control", "bucket-owner-read"}


def opening(asked: Asked) -> str:
    """Which exit a write opens beside its content: A07, A10, A11."""
    params = asked.params
    if params.get("ACL") not in HARMLESS or (
        _gives(params, ACLS) and any(params.get(g) for g in GRANTS)
    ):
        return "lets others in by an ACL"
    if params.get("SSECustomerAlgorithm") or params.get("SSECustomerKey"):
        return "encrypts with a key that only the caller holds"
    if any(names.owner(arn) != asked.place.account for arn in _kms(asked)):
        return "encrypts with a key of another account"
    if params.get("WebsiteRedirectLocation"):
        return "redirects whoever visits the object"
    return ""


OPENING = Given(
    ACLS | {"ACL", "SSECustomerAlgorithm", "SSECustomerKey", "SSEKMSKeyId", "WebsiteRedirectLocation"},
    opening,
)
"""Why so: without any of these an upload opens nothing."""


def restoring(asked: Asked) -> str:
    """A restore may write what it selects into any bucket."""
    request = asked.params.get("RestoreRequest") or {}
    return "writes what it selects into another bucket" if request.get("OutputLocation") else ""


ASKED = (
    "IfMatch",
    "IfNoneMatch",
    "ResponseCacheControl",
    "ResponseContentDisposition",
    "ResponseContentEncoding",
    "ResponseContentLanguage",
    "ResponseContentType",
)
WRITTEN = (
    "Tagging",
    "Metadata",
    "SSEKMSKeyId",
    "SSEKMSEncryptionContext",
    "WebsiteRedirectLocation",
    "ContentType",
    "ContentDisposition",
)


def _texts(*members: str) -> Pairs:
    def at(asked: Asked) -> list[tuple[str, str]]:
        params = asked.params
        return [
            (
                m,
                " ".join(f"{k}={v}" for k, v in params[m].items())
                if isinstance(params[m], Mapping)
                else str(params[m]),
            )
            for m in members
            if m in params
        ]

    return Given(frozenset(members), at)


LEAVES = {"asked": _texts(*ASKED), "written": _texts(*WRITTEN)}
