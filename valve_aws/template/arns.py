"""The one ARN of a store, whichever way a template names it.

Knows names, URLs, stream ARNs and aliases of stores. Does not know any template.
"""

from __future__ import annotations

import re
from typing import Final

from valve_aws.template.ground import Ground
from valve_aws.template.kinds import row
from valve_aws.template.shapes import is_open

PARTS: Final = (
    (re.compile(r"(arn:[\w-]+:dynamodb:[^/]+:table/[^/]+)/(?:stream|index)/.*"), r"\1"),
    (re.compile(r"(arn:[\w-]+:kinesis:[^/]+:stream/[^/]+)/consumer/.*"), r"\1"),
    (re.compile(r"(arn:[\w-]+:logs:[^:]*:\d*:log-group:[^:]+):\*"), r"\1"),
    (re.compile(r"(arn:[\w-]+:lambda:[^:]*:\d*:function:[^:]+):.*"), r"\1"),
    (re.compile(r"(arn:[\w-]+:s3:::[^/]+)/.*"), r"\1"),
)
"""ARNs of a part of a store, and the store's own."""

INVOCATION: Final = re.compile(r"arn:[\w-]+:apigateway:[\w-]+:lambda:path/[\d-]+/functions/(.+)/invocations")


def store(written: str, kind: str, ground: Ground) -> str:
    """Return the ARN of the store that a text names: ARN, URL, or name of a `kind`; "" when it is open."""
    if not written or is_open(written):
        return ""
    if written.startswith("arn:"):
        match = INVOCATION.fullmatch(written)
        found = match.group(1) if match else written
        for pattern, whole in PARTS:
            found = pattern.sub(whole, found) if pattern.fullmatch(found) else found
        return found
    if kind == "AWS::SQS::Queue" and "://" in written:
        written = written.rsplit("/", 1)[-1]
    return made(written, kind, ground)


def made(name: str, kind: str, ground: Ground) -> str:
    """Return the ARN of a store of this account and region by its name."""
    form = row(kind).arn
    return form.format(
        n=name, t=name.lstrip("/"), i=name, d=name, a=ground.account, r=ground.region, p=ground.partition
    )


def service(arn: str) -> str:
    """Return the service of an ARN, "" when it is none."""
    parts = arn.split(":", 5)
    return parts[2] if len(parts) == 6 and parts[0] == "arn" else ""
