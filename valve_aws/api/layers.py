"""Layers: published, told, listed, deleted, shared; and which of them a function takes in.

Knows these operations and their errors. Does not know how a layer is laid under a function.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from valve_aws.api.code import package
from valve_aws.api.described import stamp
from valve_aws.api.desk import Desk
from valve_aws.api.fault import Fault, conflict, invalid, missing, revised
from valve_aws.api.paging import page
from valve_aws.api.policies import document, statement
from valve_aws.api.registry import Settings

ARN = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):layer:(?P<name>[a-zA-Z0-9-_]+)"
    r"(?::(?P<version>[0-9]+))?"
)

COMPATIBLE = ("CompatibleRuntimes", "CompatibleArchitectures")

MOST = 5
"""Layers of one function (Lambda quotas)."""


def layered(desk: Desk, told: Settings, asked: Sequence[str] | None) -> list[tuple[str, Path]]:
    """Return (ARN, archive) of each layer of a function, and put them into its settings. Raises `Fault`.

    `asked` None leaves them as they are.
    """
    if asked is None:
        return [
            (each["Arn"], _kept(desk, each["Arn"])) for each in told.get("Layers", ()) if ":" in each["Arn"]
        ]
    if len(asked) > MOST:
        raise invalid(f"Cannot reference more than {MOST} layers.")
    seen: dict[str, str] = {}
    for arn in asked:
        if (found := ARN.fullmatch(arn)) is None:
            raise invalid(f"Invalid layer arn: {arn}")
        if found["region"] != desk.registry.place.region:
            raise invalid(
                "Layers are not in the same region as the function. Layers are expected to be in region "
                f"{desk.registry.place.region}."
            )
        _kept(desk, arn)
        if found["name"] in seen:
            raise invalid(
                "Two different versions of the same layer are not allowed to be referenced in the same "
                "function. "
                f"{seen[found['name']]} and {arn} are versions of the same layer."
            )
        seen[found["name"]] = arn
    told.pop("Layers", None)
    if asked:
        told["Layers"] = [{"Arn": arn, "CodeSize": _found(desk, arn)["Content"]["CodeSize"]} for arn in asked]
    return [(arn, _kept(desk, arn)) for arn in asked]


def _found(desk: Desk, arn: str) -> Settings:
    found = ARN.fullmatch(arn)
    layer = desk.registry.layers.get(found["name"], {}).get(int(found["version"] or 0)) if found else None
    if layer is None or not found or found["account"] != desk.registry.place.account:
        raise invalid(f"Layer version {arn} does not exist.")
    return layer


def _kept(desk: Desk, arn: str) -> Path:
    path: Path = _found(desk, arn)["@path"]
    return path


def _told(layer: Settings, host: str = "") -> dict[str, Any]:
    """Return a layer's version as it goes out; its content only where a package can be fetched from."""
    told = {k: v for k, v in layer.items() if not k.startswith("@") and (host or k != "Content")}
    if host:
        location = f"{host}/_valve/packages/{layer['@path'].name}"
        told["Content"] = {**layer["Content"], "Location": location}
        told["LayerArn"] = layer["LayerVersionArn"].rpartition(":")[0]
    return told


async def publish(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`PublishLayerVersion`. Raises `Fault`."""
    place = desk.registry.place
    found = ARN.fullmatch(params["LayerName"])
    name = found["name"] if found else params["LayerName"]
    kept = await package(desk, params["Content"])
    versions = desk.registry.layers.setdefault(name, {})
    number = desk.registry.layer_numbers[name] = desk.registry.layer_numbers.get(name, 0) + 1
    layer: Settings = {
        "LayerVersionArn": place.layer(name, number),
        "Version": number,
        "Description": params.get("Description") or "",
        "CreatedDate": stamp(desk.now()),
        **{member: params[member] for member in COMPATIBLE if member in params},
        "Content": {"CodeSha256": kept.digest, "CodeSize": kept.size},
        "@path": kept.path,
    }
    if params.get("LicenseInfo"):
        layer["LicenseInfo"] = params["LicenseInfo"]
    versions[number] = layer
    return _told(layer, params["@host"])


def _version(desk: Desk, params: Mapping[str, Any]) -> Settings:
    if params["VersionNumber"] < 1:
        raise invalid("Layer Version Cannot be less than 1")
    layer = desk.registry.layers.get(_name(params), {}).get(params["VersionNumber"])
    if layer is None:
        raise missing()
    return layer


def _name(params: Mapping[str, Any]) -> str:
    found = ARN.fullmatch(params["LayerName"])
    return found["name"] if found else str(params["LayerName"])


async def get(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`GetLayerVersion`. Raises `Fault`."""
    return _told(_version(desk, params), params["@host"])


async def get_by_arn(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`GetLayerVersionByArn`. Raises `Fault`."""
    found = ARN.fullmatch(params["Arn"])
    version = int(found["version"] or 0) if found else 0
    layer = desk.registry.layers.get(found["name"], {}).get(version) if found else None
    if layer is None:
        raise missing()
    return _told(layer, params["@host"])


async def list_versions(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`ListLayerVersions`."""
    found = [_told(layer) for layer in desk.registry.layers.get(_name(params), {}).values()]
    return page("LayerVersions", [each for each in reversed(found) if _suits(each, params)], params)


async def list_all(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`ListLayers`: the latest version of each."""
    found = []
    for name, versions in desk.registry.layers.items():
        suiting = [_told(layer) for layer in versions.values() if _suits(layer, params)]
        if suiting:
            arn = desk.registry.place.layer(name)
            found.append({"LayerName": name, "LayerArn": arn, "LatestMatchingVersion": suiting[-1]})
    return page("Layers", found, params)


def _suits(layer: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    wanted = (
        ("CompatibleRuntime", "CompatibleRuntimes"),
        ("CompatibleArchitecture", "CompatibleArchitectures"),
    )
    return all(not params.get(one) or params[one] in layer.get(many, ()) for one, many in wanted)


async def delete(desk: Desk, params: Mapping[str, Any]) -> None:
    """`DeleteLayerVersion`; one that is not there is deleted already. Functions that have it keep it. Raises
    `Fault`."""
    if params["VersionNumber"] < 1:
        raise invalid("Layer Version Cannot be less than 1")
    desk.registry.layers.get(_name(params), {}).pop(params["VersionNumber"], None)


# Who may take one in


def _shared(desk: Desk, params: Mapping[str, Any]) -> Settings:
    try:
        return _version(desk, params)
    except Fault as fault:
        arn = desk.registry.place.layer(_name(params), params["VersionNumber"])
        raise (
            missing(f"Layer version {arn} does not exist.") if fault.code[:8] == "Resource" else fault
        ) from None


async def permit(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`AddLayerVersionPermission`. Raises `Fault`."""
    layer = _shared(desk, params)
    policy: Settings = layer.get("@policy") or {"statements": [], "revision": ""}
    if any(each["Sid"] == params["StatementId"] for each in policy["statements"]):
        raise conflict(
            f"The statement id ({params['StatementId']}) provided already exists. Please provide a new "
            f"statement "
            "id, or remove the existing statement."
        )
    if params.get("RevisionId") and params["RevisionId"] != policy["revision"]:
        raise revised("GetLayerPolicy")
    made = statement(params, layer["LayerVersionArn"])
    policy = {"statements": [*policy["statements"], made], "revision": desk.ident()}
    layer["@policy"] = policy
    return {"Statement": document(made), "RevisionId": policy["revision"]}


async def get_policy(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`GetLayerVersionPolicy`. Raises `Fault`."""
    policy = _shared(desk, params).get("@policy")
    if not policy:
        raise missing("No policy is associated with the given resource.")
    return {
        "Policy": document({"Version": "2012-10-17", "Id": "default", "Statement": policy["statements"]}),
        "RevisionId": policy["revision"],
    }


async def forbid(desk: Desk, params: Mapping[str, Any]) -> None:
    """`RemoveLayerVersionPermission`. Raises `Fault`."""
    layer = _shared(desk, params)
    policy = layer.get("@policy") or {"statements": [], "revision": ""}
    left = [each for each in policy["statements"] if each["Sid"] != params["StatementId"]]
    if len(left) == len(policy["statements"]):
        raise missing(f"Statement {params['StatementId']} is not found in resource policy.")
    if params.get("RevisionId") and params["RevisionId"] != policy["revision"]:
        raise revised("GetLayerPolicy")
    layer["@policy"] = {"statements": left, "revision": desk.ident()} if left else None
