"""Published versions and aliases.

Knows these operations and their errors. Does not know how a function is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from valve_aws.api import concurrency, urls
from valve_aws.api.described import configuration, snaps
from valve_aws.api.desk import Desk
from valve_aws.api.fault import conflict, invalid, missing, revised
from valve_aws.api.names import LATEST, split, unfound
from valve_aws.api.paging import page
from valve_aws.api.registry import Deployed, Settings, Version

APART = frozenset({"RevisionId", "LastModified"})
"""Members by which `$LATEST` may differ from what was published without being another."""


def published(desk: Desk, deployed: Deployed, description: str) -> Version:
    """Return a new version of what `$LATEST` is, or the last one when nothing was changed since."""
    latest = deployed.latest
    last = deployed.versions.get(str(deployed.published))
    if last and last.source and _plain(last.source) == _plain(latest.settings):
        return last
    deployed.published += 1
    number = str(deployed.published)
    told: Settings = {
        **latest.settings,
        "Version": number,
        "FunctionArn": desk.registry.place.arn(deployed.name, number),
        "Description": description or latest.settings["Description"],
        "RevisionId": desk.ident(),
        "SnapStart": snaps(latest.settings["SnapStart"], version=True),
    }
    snapped = told["SnapStart"]["OptimizationStatus"] == "On"
    function = replace(latest.function, version=number, revision="", restored=snapped)
    version = Version(function, told, number, latest.settings)
    deployed.versions[number] = version
    latest.settings = {**latest.settings, "RevisionId": desk.ident()}
    return version


def qualified(desk: Desk, deployed: Deployed, qualifiers: Mapping[str, str]) -> None:
    """Publish what the template does, by its first version: alias or version → version."""
    if {*qualifiers.values()} - {LATEST}:
        published(desk, deployed, "")
    for name, version in qualifiers.items():
        if name != version:
            deployed.aliases[name] = _made(desk, deployed, name, version, "")


def _made(desk: Desk, deployed: Deployed, name: str, version: str, description: str) -> Settings:
    return {
        "AliasArn": desk.registry.place.arn(deployed.name, name),
        "Name": name,
        "FunctionVersion": version,
        "Description": description,
        "RevisionId": desk.ident(),
    }


def _plain(settings: Settings) -> Settings:
    return {k: v for k, v in settings.items() if k not in APART}


async def publish(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`PublishVersion`. Raises `Fault`."""
    name, _ = split(params["FunctionName"], desk.registry.place)
    deployed = desk.registry.deployed(name)
    latest, digest = deployed.latest.settings, params.get("CodeSha256")
    if params.get("RevisionId") and params["RevisionId"] != latest["RevisionId"]:
        raise revised()
    if digest and digest != latest["CodeSha256"]:
        raise invalid(
            f"CodeSHA256 ({digest}) is different from current CodeSHA256 in $LATEST "
            f"({latest['CodeSha256']}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )
    if deployed.latest.state == "Pending":
        raise conflict(
            "The operation cannot be performed at this time. The function is currently in the following "
            "state: Pending"
        )
    return configuration(published(desk, deployed, params.get("Description") or ""))


async def list_versions(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`ListVersionsByFunction`. Raises `Fault`."""
    name, _ = split(params["FunctionName"], desk.registry.place)
    deployed = desk.registry.deployed(name)
    first = configuration(deployed.latest, desk.registry.place.arn(deployed.name, LATEST), listed=True)
    found = [first, *(configuration(v, listed=True) for v in deployed.versions.values())]
    return page("Versions", found, params)


# Aliases


def targets(alias: Settings) -> tuple[str, ...]:
    """Return the versions that an alias points to."""
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    return alias["FunctionVersion"], *weights


def _routed(
    desk: Desk, deployed: Deployed, version: str, routing: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Return the routing of an alias, None for none. Raises `Fault`."""
    weights: Mapping[str, float] = (routing or {}).get("AdditionalVersionWeights") or {}
    if len(weights) > 1:
        raise invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    if version in weights:
        raise invalid(
            f"Invalid function version {version}. Function version {version} is already included in routing "
            "configuration."
        )
    if weights and version == LATEST:
        raise invalid("$LATEST is not supported for an alias pointing to more than 1 version", bare=True)
    for each in (version, *weights):
        if each != LATEST and each not in deployed.versions:
            raise unfound(desk.registry.place, deployed.name, each)
    return {"AdditionalVersionWeights": dict(weights)} if weights else None


async def create_alias(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`CreateAlias`. Raises `Fault`."""
    name, _ = split(params["FunctionName"], desk.registry.place)
    version = params["FunctionVersion"]
    deployed = desk.registry.deployed(name, version)
    routing = _routed(desk, deployed, version, params.get("RoutingConfig"))
    arn = desk.registry.place.arn(deployed.name, params["Name"])
    if params["Name"] in deployed.aliases:
        raise conflict(f"Alias already exists: {arn}")
    alias = _made(desk, deployed, params["Name"], version, params.get("Description") or "")
    if routing:
        alias["RoutingConfig"] = routing
    deployed.aliases[params["Name"]] = alias
    return alias


def _alias(desk: Desk, params: Mapping[str, Any], called: str) -> tuple[Deployed, Settings]:
    name, _ = split(params["FunctionName"], desk.registry.place)
    arn = desk.registry.place.arn(name, params["Name"])
    deployed = desk.registry.functions.get(name)
    if deployed is None or params["Name"] not in deployed.aliases:
        raise missing(f"{called}: {arn}")
    return deployed, deployed.aliases[params["Name"]]


async def get_alias(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`GetAlias`. Raises `Fault`."""
    return _alias(desk, params, "Cannot find alias arn")[1]


async def update_alias(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`UpdateAlias`. Raises `Fault`."""
    deployed, alias = _alias(desk, params, "Alias not found")
    if params.get("RevisionId") and params["RevisionId"] != alias["RevisionId"]:
        raise revised()
    told = dict(alias)
    told["FunctionVersion"] = version = params.get("FunctionVersion") or alias["FunctionVersion"]
    routing = params["RoutingConfig"] if "RoutingConfig" in params else alias.get("RoutingConfig")
    told.pop("RoutingConfig", None)
    if routed := _routed(desk, deployed, version, routing):
        told["RoutingConfig"] = routed
    if "Description" in params:
        told["Description"] = params["Description"]
    told["RevisionId"] = desk.ident()
    deployed.aliases[params["Name"]] = told
    if version != alias["FunctionVersion"]:
        await concurrency.move(desk, deployed, params["Name"], alias["FunctionVersion"])
    return told


async def delete_alias(desk: Desk, params: Mapping[str, Any]) -> None:
    """`DeleteAlias`; one that is not there is deleted already."""
    name, _ = split(params["FunctionName"], desk.registry.place)
    if deployed := desk.registry.functions.get(name):
        if params["Name"] in deployed.provisioned:
            await concurrency.withdraw(desk, {"FunctionName": name, "Qualifier": params["Name"]})
        deployed.aliases.pop(params["Name"], None)
        deployed.policies.pop(params["Name"], None)
        urls.end(desk.registry, deployed, params["Name"])


async def list_aliases(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`ListAliases`. Raises `Fault`."""
    name, _ = split(params["FunctionName"], desk.registry.place)
    found: Iterable[Settings] = desk.registry.deployed(name).aliases.values()
    if wanted := params.get("FunctionVersion"):
        found = [alias for alias in found if alias["FunctionVersion"] == wanted]
    return page("Aliases", sorted(found, key=lambda alias: str(alias["Name"])), params)
