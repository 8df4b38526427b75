"""Function URLs: made, told, changed, deleted, and whom each lets in.

Knows these operations and their errors. Does not serve them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from valve_aws.api.desk import Desk
from valve_aws.api.fault import Fault, missing
from valve_aws.api.names import named
from valve_aws.api.paging import page
from valve_aws.api.policies import lets_everybody
from valve_aws.api.registry import Deployed, Registry, Settings


def _time(desk: Desk) -> str:
    return datetime.fromtimestamp(desk.now(), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _function(desk: Desk, params: Mapping[str, Any]) -> tuple[Deployed, str]:
    name, qualifier = named(desk.registry.place, params)
    deployed = desk.registry.functions.get(name)
    if deployed is None or (qualifier and qualifier not in deployed.aliases):
        raise missing("Function does not exist")
    return deployed, qualifier


def _there(desk: Desk, params: Mapping[str, Any]) -> tuple[Deployed, str]:
    name, qualifier = named(desk.registry.place, params)
    deployed = desk.registry.functions.get(name)
    if deployed is None or qualifier not in deployed.urls:
        raise missing()
    return deployed, qualifier


def _told(url: Settings, *without: str) -> dict[str, Any]:
    return {k: v for k, v in url.items() if k not in {"@mode", *without}}


def _changed(url: Settings, *without: str) -> dict[str, Any]:
    """Return what is told of a change: how it answers only if somebody has ever said so."""
    return _told(url, *without, *(() if url["@mode"] else ("InvokeMode",)))


async def create(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`CreateFunctionUrlConfig`. Raises `Fault`."""
    deployed, qualifier = _function(desk, params)
    arn, now = desk.registry.place.arn(deployed.name, qualifier), _time(desk)
    if qualifier in deployed.urls:
        raise Fault(
            "ResourceConflictException",
            f"Failed to create function url config for [functionArn = {arn}]. Error message:  "
            f"FunctionUrlConfig "
            "exists for this Lambda function",
        )
    url: Settings = {
        "FunctionUrl": desk.address(desk.ident().replace("-", "")),
        "FunctionArn": arn,
        "AuthType": params["AuthType"],
        "CreationTime": now,
        "LastModifiedTime": now,
        "InvokeMode": params.get("InvokeMode") or "BUFFERED",
        "@mode": "InvokeMode" in params,
    }
    if "Cors" in params:
        url["Cors"] = params["Cors"]
    deployed.urls[qualifier] = url
    return _changed(url, "LastModifiedTime")


async def get(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`GetFunctionUrlConfig`. Raises `Fault`."""
    deployed, qualifier = _there(desk, params)
    return _told(deployed.urls[qualifier])


async def update(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`UpdateFunctionUrlConfig`. Raises `Fault`."""
    _function(desk, params)
    deployed, qualifier = _there(desk, params)
    url = deployed.urls[qualifier]
    url |= {member: params[member] for member in ("AuthType", "InvokeMode", "Cors") if member in params}
    url["LastModifiedTime"], url["@mode"] = _time(desk), url["@mode"] or "InvokeMode" in params
    return _changed(url)


async def delete(desk: Desk, params: Mapping[str, Any]) -> None:
    """`DeleteFunctionUrlConfig`. Raises `Fault`."""
    deployed, qualifier = _there(desk, params)
    end(desk.registry, deployed, qualifier)


def end(registry: Registry, deployed: Deployed, qualifier: str) -> None:
    """Let a function, or one of its aliases, have no URL any more."""
    if url := deployed.urls.pop(qualifier, None):
        registry.former.add(url["FunctionUrl"])


def closed(deployed: Deployed, qualifier: str) -> bool:
    """Say whether a URL turns everybody away: one without authorization lets in whom the function's policy
    lets in, which is nobody until it says so (Lambda developer guide, "Control access to Lambda function
    URLs")."""
    open_ = lets_everybody(deployed.policies.get(qualifier), "lambda:InvokeFunctionUrl", "NONE")
    return deployed.urls[qualifier]["AuthType"] == "NONE" and not open_


async def list_all(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`ListFunctionUrlConfigs`. Raises `Fault`."""
    name, _ = named(desk.registry.place, params)
    deployed = desk.registry.functions.get(name)
    if deployed is None:
        raise missing("Function does not exist")
    return page("FunctionUrlConfigs", [_told(url) for url in deployed.urls.values()], params)
