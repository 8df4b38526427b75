"""What of a request leaves with it as content: path, query, headers and body, without its own signature.

Knows where a request keeps its signature. Does not know what is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_plus

from valve_aws.aws.credentials import V2_FORM
from valve_aws.aws.crossing import AwsCall
from valve_aws.aws.plan import Plan
from valve_aws.model.call import Head, Key, Link

Seen = Callable[[bytes, Mapping[str, Any]], tuple[str, tuple[Link, ...]]]
"""(what leaves as text, the parameters) → (which credential stands in it, which links): set by `wire`."""

Post = Callable[[Head, bytes | None, Key], AwsCall]
"""What reads a posted form: set by `wire`."""

SIGNING = frozenset({"authorization", "x-amz-security-token"})


def head_of(head: Head) -> bytes:
    """Return what leaves with a head that is sent on as it is."""
    listed = [head.target, *[value for name, value in head.headers if name not in SIGNING]]
    return "\n".join(listed).encode("utf-8", "replace")


def of(plan: Plan, head: Head, body: bytes | None, fields: Mapping[str, str]) -> bytes:
    """Return what leaves with an AWS request; a body that streams past is looked at as it does."""
    if plan.signed.kind.endswith("-query"):
        listed = [plan.path, *plan.query.values()]
    else:
        listed = [head.target]
    listed += [value for name, value in head.headers if name not in SIGNING]
    if "AWSAccessKeyId" in fields:
        listed += [value for name, value in fields.items() if name not in V2_FORM]
        body = b""
    text = "\n".join(listed).encode("utf-8", "replace")
    return text + b"\n" + body if body else text


def stated(head: Head) -> tuple[tuple[str, str], ...]:
    """Return what a request says beside its URL: headers, and the parts of its query by `?name`.

    Why at `;` as well, and without case: some servers read a query so, and what any would read is to be seen.
    """
    query = head.target.partition("?")[2]
    parts = [part.partition("=") for part in re.split("[&;]", query) if part]
    return (*head.headers, *(("?" + unquote_plus(n).lower(), unquote_plus(v)) for n, _, v in parts))
