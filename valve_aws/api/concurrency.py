"""Reserved and provisioned concurrency.

Knows these operations, their sums and errors. Does not hold an event to them: invocations do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from valve_aws.api.described import stamp
from valve_aws.api.desk import Desk
from valve_aws.api.fault import Fault, conflict, invalid, missing
from valve_aws.api.names import LATEST, named, split, unfound
from valve_aws.api.paging import page
from valve_aws.api.registry import Deployed, Settings

LEFT = 100
"""What has to be left for functions that reserve nothing (Lambda quotas)."""


async def reserve(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`PutFunctionConcurrency`. Raises `Fault`."""
    registry, wanted = desk.registry, params["ReservedConcurrentExecutions"]
    name, qualifier = split(params["FunctionName"], registry.place)
    if qualifier:
        raise invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this "
            "operation. Please specify either a function name or an unqualified function ARN."
        )
    deployed = registry.deployed(name, LATEST)
    before = deployed.reserved if deployed.reserved is not None else deployed.provided()
    if registry.concurrent - registry.set_apart() + before - wanted < LEFT:
        raise invalid(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{LEFT}].",
            bare=True,
        )
    if wanted < deployed.provided():
        raise invalid(
            f" ReservedConcurrentExecutions  {wanted} should not be lower than function's total provisioned "
            f"concurrency [{deployed.provided()}].",
            bare=True,
        )
    deployed.reserved = wanted
    await desk.changed()
    return {"ReservedConcurrentExecutions": wanted}


async def get_reserved(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`GetFunctionConcurrency`. Raises `Fault`."""
    name, _ = split(params["FunctionName"], desk.registry.place)
    reserved = desk.registry.deployed(name).reserved
    return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}


async def unreserve(desk: Desk, params: Mapping[str, Any]) -> None:
    """`DeleteFunctionConcurrency`. Raises `Fault`."""
    name, _ = split(params["FunctionName"], desk.registry.place)
    desk.registry.deployed(name).reserved = None
    await desk.changed()


# Provisioned


def _qualified(desk: Desk, params: Mapping[str, Any], latest: str) -> tuple[Deployed, str]:
    """Return the function and the qualifier that are meant. Raises `Fault`."""
    name, qualifier = named(desk.registry.place, params)
    place, deployed = desk.registry.place, desk.registry.functions.get(name)
    if qualifier == LATEST:
        raise invalid(latest)
    if qualifier.isdigit():
        if deployed is None or qualifier not in deployed.versions:
            raise unfound(place, name, qualifier)
    elif deployed is None or qualifier not in deployed.aliases:
        raise missing(f"Cannot find alias arn: {place.arn(name, qualifier)}")
    return deployed, qualifier


NOT_PUBLISHED = "The function resource provided must be an alias or a published version."


async def provide(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`PutProvisionedConcurrencyConfig`. Raises `Fault`."""
    registry, wanted = desk.registry, params["ProvisionedConcurrentExecutions"]
    deployed, qualifier = _qualified(
        desk, params, "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    )
    if qualifier.isdigit():
        pointing = [n for n, a in deployed.aliases.items() if a["FunctionVersion"] == qualifier]
        if any(name in deployed.provisioned for name in pointing):
            raise conflict("Version is pointed by a Provisioned Concurrency alias")
    elif deployed.aliases[qualifier]["FunctionVersion"] in deployed.provisioned:
        raise conflict(
            "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
        )
    together = deployed.provided(apart=qualifier) + wanted
    if deployed.reserved is not None and together > deployed.reserved:
        raise invalid(
            "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution "
            "for "
            "function"
        )
    free = (
        registry.concurrent - registry.set_apart() + (deployed.provided() if deployed.reserved is None else 0)
    )
    if deployed.reserved is None and together > free:
        raise invalid(
            "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency "
            f"[{free}].",
            bare=True,
        )
    if deployed.reserved is None and free - together < LEFT:
        raise invalid(
            "Specified ConcurrentExecutions for function decreases account's "
            "UnreservedConcurrentExecution below "
            f"its minimum value of [{LEFT}].",
            bare=True,
        )
    told: Settings = {
        "RequestedProvisionedConcurrentExecutions": wanted,
        "AvailableProvisionedConcurrentExecutions": 0,
        "AllocatedProvisionedConcurrentExecutions": 0,
        "Status": "IN_PROGRESS",
        "LastModified": stamp(desk.now()),
    }
    deployed.provisioned[qualifier] = told
    await desk.changed()
    desk.behind(_provided(desk, deployed, qualifier, told))
    return dict(told)


async def _provided(desk: Desk, deployed: Deployed, qualifier: str, told: Settings) -> None:
    """Have environments made, and say that they are there or why they are not."""
    wanted = told["RequestedProvisionedConcurrentExecutions"]
    version = desk.registry.version(deployed.name, qualifier)
    version.settings["RevisionId"] = desk.ident()
    if why := await desk.engine.provide(version.function, wanted):
        told |= {"Status": "FAILED", "StatusReason": why}
        return
    counts = ("AvailableProvisionedConcurrentExecutions", "AllocatedProvisionedConcurrentExecutions")
    told |= {"Status": "READY", **dict.fromkeys(counts, wanted)}


async def move(desk: Desk, deployed: Deployed, alias: str, before: str) -> None:
    """Let what is provisioned for an alias go over from one version to that which it means now."""
    if told := deployed.provisioned.get(alias):
        told["Status"] = "IN_PROGRESS"
        await desk.engine.provide(desk.registry.version(deployed.name, before).function, 0)
        desk.behind(_provided(desk, deployed, alias, told))


async def get_provided(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`GetProvisionedConcurrencyConfig`. Raises `Fault`."""
    deployed, qualifier = _qualified(desk, params, NOT_PUBLISHED)
    if qualifier not in deployed.provisioned:
        raise Fault(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
        )
    return deployed.provisioned[qualifier]


async def list_provided(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`ListProvisionedConcurrencyConfigs`. Raises `Fault`."""
    name, _ = split(params["FunctionName"], desk.registry.place)
    deployed = desk.registry.deployed(name)
    found = [
        {"FunctionArn": desk.registry.place.arn(deployed.name, qualifier), **told}
        for qualifier, told in deployed.provisioned.items()
    ]
    return page("ProvisionedConcurrencyConfigs", found, params)


async def withdraw(desk: Desk, params: Mapping[str, Any]) -> None:
    """`DeleteProvisionedConcurrencyConfig`; one that is not there is deleted already. Raises `Fault`."""
    deployed, qualifier = _qualified(desk, params, NOT_PUBLISHED)
    if deployed.provisioned.pop(qualifier, None):
        await desk.engine.provide(desk.registry.version(deployed.name, qualifier).function, 0)
    await desk.changed()
