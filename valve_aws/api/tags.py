"""Tags of functions and of event source mappings.

Knows these operations and their errors. Does not know what a tag means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from valve_aws.api.desk import Desk
from valve_aws.api.fault import Fault, invalid, missing
from valve_aws.api.names import split

MOST = 50
"""Tags of one resource (Lambda developer guide, "Using tags")."""


def limited(there: Mapping[str, str], more: Mapping[str, str]) -> None:
    """See that a resource has room for more tags. Raises `Fault`."""
    if len({*there, *more}) > MOST:
        raise invalid("Number of tags exceeds resource tag limit.")


def _tagged(desk: Desk, arn: str) -> dict[str, str]:
    """Return the tags of a resource, as they are kept. Raises `Fault`."""
    kind = arn.split(":")[5]
    if kind == "event-source-mapping":
        mapping = desk.registry.mappings.get(arn.split(":")[6])
        if mapping is None:
            raise missing(f"Event source mapping not found: {arn}")
        kept: dict[str, str] = mapping.setdefault("@tags", {})
        return kept
    if kind != "function":
        raise desk.lacking(f"tags of a {kind}")
    name, qualifier = split(arn, desk.registry.place)
    if qualifier:
        raise invalid(
            "Tags on function aliases and versions are not supported. Please specify a function ARN."
        )
    return desk.registry.deployed(name).tags


def _revised(desk: Desk, arn: str) -> None:
    """Give a function whose tags were changed a new revision."""
    if arn.split(":")[5] == "function":
        name, _ = split(arn, desk.registry.place)
        desk.registry.revise(name, "", desk.ident())


async def tag(desk: Desk, params: Mapping[str, Any]) -> None:
    """`TagResource`. Raises `Fault`."""
    if not params["Tags"]:
        raise invalid("An error occurred and the request cannot be processed.")
    kept = _tagged(desk, params["Resource"])
    limited(kept, params["Tags"])
    kept.update(params["Tags"])
    _revised(desk, params["Resource"])


async def untag(desk: Desk, params: Mapping[str, Any]) -> None:
    """`UntagResource`. Raises `Fault`."""
    if not params["TagKeys"]:
        raise Fault(
            "ValidationException",
            "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member "
            "must not "
            "be null",
        )
    kept = _tagged(desk, params["Resource"])
    for key in params["TagKeys"]:
        kept.pop(key, None)
    _revised(desk, params["Resource"])


async def list_tags(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`ListTags`. Raises `Fault`."""
    return {"Tags": dict(_tagged(desk, params["Resource"]))}
