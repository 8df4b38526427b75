"""A call as a URL that makes it for whoever holds it: signed for the backend, for a while, for one version.

Knows SigV4's query form (AWS General Reference, "Create a signed AWS API request", query parameters). Does
not know who may have one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

from valve_aws.aws.credentials import V4
from valve_aws.aws.directory import Directory
from valve_aws.aws.signing import UNSIGNED_PAYLOAD, canonical_headers, canonical_query, sign_v4, signing_key
from valve_aws.aws.writing import Endpoint, rest_draft
from valve_aws.model.call import Call, Key

READS = frozenset({"GetObject", "HeadObject"})
"""Operations of which a link is pinned to the version that is there when it is released."""


def presigned(
    directory: Directory,
    call: Call,
    endpoint: Endpoint,
    credential: Key,
    now: datetime,
    seconds: int,
    version: str,
) -> str:
    """Return the URL of an S3 call at a backend, good for `seconds` from `now`; `version` pins a read."""
    service = directory.service("s3")
    operation = service.operations[call.operation]
    if version and call.operation in READS:
        call = replace(call, params={**call.params, "VersionId": version})
    draft = rest_draft(service, operation, call)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{call.region}/s3/aws4_request"
    headers = {**draft.headers, "host": endpoint.authority}
    names = sorted(headers)
    query = {
        "X-Amz-Algorithm": V4,
        "X-Amz-Credential": f"{credential.access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": ";".join(names),
    }
    if credential.token:
        query["X-Amz-Security-Token"] = credential.token
    listed = canonical_query("&".join(filter(None, [draft.query, encoded(query)])))
    text = (f"{draft.method}\n{draft.path}\n{listed}\n{canonical_headers(headers.items(), names)}\n"
            f"{';'.join(names)}\n{UNSIGNED_PAYLOAD}")
    day = signing_key(credential.secret_key, stamp[:8], call.region, "s3")
    signature = sign_v4(day, stamp, scope, text)
    return f"{endpoint.scheme}://{endpoint.authority}{draft.path}?{listed}&X-Amz-Signature={signature}"


def encoded(query: Mapping[str, str]) -> str:
    """Return a query string in canonical encoding."""
    return "&".join(f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in query.items())


def form_url(bucket: str, endpoint: Endpoint) -> str:
    """Return where the forms of a bucket are posted."""
    return f"{endpoint.scheme}://{endpoint.authority}/{bucket}"
