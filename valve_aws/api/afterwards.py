"""What becomes of an event that nobody waits for: retries, age, destinations (`FunctionEventInvokeConfig`).

Knows these operations and their errors. Does not deliver anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from valve_aws.api.desk import Desk
from valve_aws.api.fault import Fault, invalid, missing
from valve_aws.api.names import LATEST, named
from valve_aws.api.paging import page
from valve_aws.api.registry import Deployed, Settings

SERVICES = ("lambda", "sqs", "sns", "events", "s3")
"""Services of destinations (Lambda developer guide, "Capturing records of asynchronous invocations")."""

PLACES = ("OnSuccess", "OnFailure")


def _meant(desk: Desk, params: Mapping[str, Any]) -> tuple[Deployed, str]:
    name, qualifier = named(desk.registry.place, params)
    deployed = desk.registry.functions.get(name)
    if deployed is None or qualifier not in {"", LATEST, *deployed.versions, *deployed.aliases}:
        raise missing("The function doesn't exist.")
    return deployed, qualifier or LATEST


def _checked(desk: Desk, params: Mapping[str, Any], arn: str) -> None:
    """See that something is said, and that destinations can be some. Raises `Fault`."""
    if not params.keys() & {"MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig"}:
        raise invalid("You must specify at least one of error handling or destination setting.")
    told = params.get("DestinationConfig") or {}
    for place in PLACES:
        target = (told.get(place) or {}).get("Destination")
        if not target:
            continue
        parts = target.split(":")
        if parts[2] not in SERVICES:
            shown = ", ".join(_shown(told, each) for each in PLACES)
            raise invalid(f"The provided destination config DestinationConfig({shown}) is invalid.")
        if parts[2] != "lambda":
            continue
        if target == arn:
            raise invalid("You can't specify the function as a destination for itself.")
        if parts[6] not in desk.registry.functions:
            raise invalid(f"The destination ARN {target} is invalid.")


def _shown(told: Mapping[str, Any], place: str) -> str:
    target = (told.get(place) or {}).get("Destination")
    made = f"{place}(destination={target})" if target else "null"
    return f"{place[:1].lower()}{place[1:]}={made}"


def _configured(desk: Desk, params: Mapping[str, Any], arn: str, before: Settings) -> Settings:
    told: Settings = {
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
        **before,
        "LastModified": desk.now(),
        "FunctionArn": arn,
    }
    for member in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds"):
        if member in params:
            told[member] = params[member]
    if "DestinationConfig" in params:
        told["DestinationConfig"] = {"OnSuccess": {}, "OnFailure": {}, **params["DestinationConfig"]}
    return told


async def put(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`PutFunctionEventInvokeConfig`. Raises `Fault`."""
    if not params.keys() & {"MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig"}:
        _checked(desk, params, "")
    deployed, qualifier = _meant(desk, params)
    _checked(desk, params, desk.registry.place.arn(deployed.name))
    arn = desk.registry.place.arn(deployed.name, qualifier)
    deployed.invokes[qualifier] = _configured(desk, params, arn, {})
    await desk.changed()
    return deployed.invokes[qualifier]


async def update(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`UpdateFunctionEventInvokeConfig`. Raises `Fault`."""
    deployed, qualifier = _meant(desk, params)
    _checked(desk, params, desk.registry.place.arn(deployed.name))
    before = _there(desk, params)
    deployed.invokes[qualifier] = _configured(desk, params, before["FunctionArn"], before)
    await desk.changed()
    return deployed.invokes[qualifier]


def _there(desk: Desk, params: Mapping[str, Any]) -> Settings:
    name, qualifier = named(desk.registry.place, params)
    deployed = desk.registry.functions.get(name)
    found = deployed.invokes.get(qualifier or LATEST) if deployed else None
    if found is None:
        raise _none(desk, name, qualifier)
    return found


def _none(desk: Desk, name: str, qualifier: str) -> Fault:
    arn = desk.registry.place.arn(name, qualifier or LATEST)
    return missing(f"The function {arn} doesn't have an EventInvokeConfig")


async def get(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`GetFunctionEventInvokeConfig`. Raises `Fault`."""
    return _there(desk, params)


async def delete(desk: Desk, params: Mapping[str, Any]) -> None:
    """`DeleteFunctionEventInvokeConfig`. Raises `Fault`."""
    _there(desk, params)
    name, qualifier = named(desk.registry.place, params)
    del desk.registry.functions[name].invokes[qualifier or LATEST]
    await desk.changed()


async def list_all(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`ListFunctionEventInvokeConfigs`. Raises `Fault`."""
    name, _ = named(desk.registry.place, params)
    deployed = desk.registry.functions.get(name)
    if deployed is None:
        raise missing("The function doesn't exist.")
    return page("FunctionEventInvokeConfigs", list(deployed.invokes.values()), params)
