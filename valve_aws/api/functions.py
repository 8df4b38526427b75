"""Functions and their code: created, told, changed and deleted.

Knows these operations and their errors. Does not know what runs a function, nor versions and aliases.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from valve_aws.api import described, runtimes, urls, versions
from valve_aws.api.code import package
from valve_aws.api.described import configuration, logging, snaps, stamp
from valve_aws.api.desk import Desk
from valve_aws.api.fault import conflict, invalid, revised
from valve_aws.api.layers import layered
from valve_aws.api.names import LATEST, named, split
from valve_aws.api.paging import page
from valve_aws.api.registry import Deployed, Settings, Version
from valve_aws.api.tags import limited
from valve_aws.model.source import Where
from valve_aws.model.stack import Code, Function

VARIABLES = 4096
"""Bytes of all variables as JSON (Lambda quotas)."""

RESERVED = frozenset(
    """
    _HANDLER _X_AMZN_TRACE_ID AWS_DEFAULT_REGION AWS_REGION AWS_EXECUTION_ENV AWS_LAMBDA_FUNCTION_NAME
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_INITIALIZATION_TYPE
    AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_ACCESS_KEY AWS_ACCESS_KEY_ID
    AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_LAMBDA_RUNTIME_API LAMBDA_TASK_ROOT LAMBDA_RUNTIME_DIR
    """.split()
)
"""Variables that are Lambda's own (Lambda developer guide, "Reserved environment variables")."""

CREATING = ("The function is being created.", "Creating")


async def create(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`CreateFunction`. Raises `Fault`."""
    registry, place = desk.registry, desk.registry.place
    if ":" not in params["FunctionName"] and len(params["FunctionName"]) > 64:
        raise invalid(
            f"1 validation error detected: Value '{params['FunctionName']}' at 'functionName' failed to "
            f"satisfy "
            "constraint: Member must have length less than or equal to 64"
        )
    name, _ = split(params["FunctionName"], place)
    if params.get("PackageType") != "Image":
        if not params.get("Runtime") or not params.get("Handler"):
            raise invalid(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages."
            )
        runtimes.taken(params["Runtime"])
    _suits(params)
    limited({}, params.get("Tags") or {})
    params, kept = await _placed(desk, params), await package(desk, params["Code"])
    told: Settings = {}
    found = layered(desk, told, params.get("Layers"))
    # Why not before: while code came out of a bucket another may have made it.
    if name in registry.functions:
        raise conflict(f"Function already exist: {name}")
    told |= described.settings(name, place, params, kept)
    told |= {"RevisionId": desk.ident(), "LastModified": stamp(desk.now())}
    bare = Function(
        _logical(desk, name),
        name,
        place.arn(name),
        "",
        "",
        Code(),
        unmanaged_role=True,
        where=Where(f"function `{name}`"),
    )
    version = Version(described.runnable(told, kept.path, found, bare), told, state="Pending")
    version.why, version.code = CREATING
    deployed = registry.functions[name] = Deployed(name, version, tags=dict(params.get("Tags") or {}))
    await desk.changed()
    answer = configuration(version)
    if params.get("Publish"):
        published = versions.published(desk, deployed, "")
        published.state, published.why, published.code = "Pending", *CREATING
        answer = configuration(published, place.arn(name))
        desk.behind(_made(desk, published))
    desk.behind(_made(desk, version))
    return answer


def _logical(desk: Desk, name: str) -> str:
    """Return what the policy calls a function that no template has: its own name."""
    return f"Function/{name}" if name in desk.registry.logical else name


async def _made(desk: Desk, version: Version) -> None:
    """Make a version ready. What cannot be run is active all the same: its caller is told, and the operator
    is
    told why now."""
    function = version.function
    await desk.engine.prepare(function)
    if version.function is not function:
        return
    version.state, version.why, version.code = "Active", "", ""
    version.update, version.update_why, version.update_code = "Successful", "", ""
    version.settings["RevisionId"] = desk.ident()


def _suits(params: Mapping[str, Any]) -> None:
    """See that settings are such as a function may have. Raises `Fault`."""
    variables = (params.get("Environment") or {}).get("Variables") or {}
    if taken := [name for name in variables if name in RESERVED]:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables "
            "you have "
            "provided contains reserved keys that are currently not supported for modification. Reserved "
            "keys "
            f"used in this request: {', '.join(taken)}"
        )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > VARIABLES:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables "
            "you have "
            f"provided exceeded the 4KB limit. String measured: {measured}"
        )
    snap = (params.get("SnapStart") or {}).get("ApplyOn")
    if snap == "PublishedVersions" and params.get("Runtime") not in (None, *runtimes.SNAPS):
        raise invalid(f"{params['Runtime']} is not supported for SnapStart enabled functions.")


async def _placed(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return parameters with the VPC of the networks that they name. Raises `Fault`."""
    if not (given := params.get("VpcConfig")):
        return params
    subnets, groups = given.get("SubnetIds") or (), given.get("SecurityGroupIds") or ()
    return {**params, "VpcConfig": {**given, "VpcId": await desk.engine.network(subnets, groups)}}


async def get(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`GetFunction`. Raises `Fault`."""
    name, qualifier = named(desk.registry.place, params)
    deployed, version = desk.registry.deployed(name, qualifier), desk.registry.version(name, qualifier)
    told: dict[str, Any] = {
        "Configuration": configuration(version, desk.registry.place.arn(deployed.name, qualifier)),
        "Code": {"RepositoryType": "S3"},
    }
    if archive := version.function.code.archive:
        told["Code"]["Location"] = f"{params['@host']}/_valve/packages/{archive.name}"
    if deployed.tags:
        told["Tags"] = dict(deployed.tags)
    if deployed.reserved is not None:
        told["Concurrency"] = {"ReservedConcurrentExecutions": deployed.reserved}
    return told


async def get_configuration(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`GetFunctionConfiguration`. Raises `Fault`."""
    name, qualifier = named(desk.registry.place, params)
    version = desk.registry.version(name, qualifier)
    return configuration(version, desk.registry.place.arn(version.function.name, qualifier))


async def list_all(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`ListFunctions`."""
    found, place = [], desk.registry.place
    for deployed in desk.registry.functions.values():
        if params.get("FunctionVersion") != "ALL":
            found.append(configuration(deployed.latest, listed=True))
            continue
        found.append(configuration(deployed.latest, place.arn(deployed.name, LATEST), listed=True))
        found += [configuration(version, listed=True) for version in deployed.versions.values()]
    return page("Functions", found, params)


def _settled(deployed: Deployed, params: Mapping[str, Any]) -> None:
    """See that a function may be changed now, and is what its caller takes it for. Raises `Fault`."""
    version = deployed.latest
    if params.get("RevisionId") and params["RevisionId"] != version.settings["RevisionId"]:
        raise revised()
    if version.state == "Pending" or version.update == "InProgress":
        raise conflict(
            "The operation cannot be performed at this time. An update is in progress for resource: "
            f"{version.settings['FunctionArn']}"
        )


async def update_code(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`UpdateFunctionCode`. Raises `Fault`."""
    _plain(desk, params)
    kept = await package(desk, params)
    deployed = _plain(desk, params)
    _settled(deployed, params)
    told = {**deployed.latest.settings, "CodeSha256": kept.digest, "CodeSize": kept.size}
    if params.get("Architectures"):
        told["Architectures"] = params["Architectures"]
    if params.get("DryRun"):
        return configuration(replace(deployed.latest, settings=told))
    function = replace(deployed.latest.function, code=Code(archive=kept.path))
    return await _changed(desk, deployed, told, function, bool(params.get("Publish")))


async def update_configuration(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`UpdateFunctionConfiguration`. Raises `Fault`."""
    _plain(desk, params)
    if params.get("Runtime"):
        runtimes.taken(params["Runtime"])
    params = await _placed(desk, params)
    deployed = _plain(desk, params)
    _suits({**deployed.latest.settings, **params})
    _settled(deployed, params)
    told = dict(deployed.latest.settings)
    told |= {member: params[member] for member in described.KEPT if member in params}
    _letters(told, deployed.latest.settings)
    if "VpcConfig" in params:
        told["VpcConfig"] = described.network(params["VpcConfig"])
    if "SnapStart" in params:
        told["SnapStart"] = snaps(params["SnapStart"])
    if "LoggingConfig" in params:
        told["LoggingConfig"] = logging(deployed.name, told["LoggingConfig"], params["LoggingConfig"])
    if params.get("Runtime"):
        told["RuntimeVersionConfig"] = described.runtime_version(desk.registry.place, params["Runtime"])
    function = deployed.latest.function
    found = layered(desk, told, params.get("Layers"))
    told["RevisionId"] = desk.ident()
    return await _changed(desk, deployed, told, described.runnable(told, None, found, function), False)


def _letters(told: Settings, before: Settings) -> None:
    """Settle where dead letters go. Why as before where nothing is named: AWS was recorded to keep it; it is
    an empty name that takes it away."""
    given = told.get("DeadLetterConfig") or before.get("DeadLetterConfig") or {}
    if given.get("TargetArn"):
        told["DeadLetterConfig"] = given
    else:
        told.pop("DeadLetterConfig", None)


async def _changed(
    desk: Desk, deployed: Deployed, told: Settings, function: Function, publish: bool
) -> Mapping[str, Any]:
    """Put a new `$LATEST` in place of the one that is there."""
    told |= {"RevisionId": desk.ident(), "LastModified": stamp(desk.now())}
    before, latest = deployed.latest.function, deployed.latest
    latest.settings, latest.function = told, replace(function, revision=told["RevisionId"])
    latest.update, latest.update_why, latest.update_code = "InProgress", *CREATING
    await desk.changed()
    answer = configuration(latest)
    if publish:
        published = versions.published(desk, deployed, "")
        published.state, published.why, published.code = "Pending", *CREATING
        answer = configuration(published)
        desk.behind(_made(desk, published))
    desk.behind(_made(desk, latest))
    await desk.engine.forget(before)
    return answer


async def delete(desk: Desk, params: Mapping[str, Any]) -> None:
    """`DeleteFunction`. Raises `Fault`."""
    registry = desk.registry
    name, qualifier = named(registry.place, params)
    if qualifier == LATEST:
        raise invalid("$LATEST version cannot be deleted without deleting the function.")
    if qualifier and not qualifier.isdigit() and "$" not in qualifier:
        raise invalid("Deletion of aliases is not currently supported.")
    deployed = registry.deployed(name)
    if qualifier:
        pointing = [a["AliasArn"] for a in deployed.aliases.values() if qualifier in versions.targets(a)]
        if pointing:
            raise conflict(
                f"Version {qualifier} of the function is pointed to by aliases: {', '.join(pointing)}"
            )
        if gone := deployed.versions.pop(qualifier, None):
            await desk.engine.forget(gone.function)
        return
    del registry.functions[deployed.name]
    for each in list(deployed.urls):
        urls.end(registry, deployed, each)
    await desk.changed()
    for version in (deployed.latest, *deployed.versions.values()):
        await desk.engine.forget(version.function)


async def signing(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`GetFunctionCodeSigningConfig`: none has one. Raises `Fault`."""
    _plain(desk, params)
    return {}


async def unsign(desk: Desk, params: Mapping[str, Any]) -> None:
    """`DeleteFunctionCodeSigningConfig`. Raises `Fault`."""
    _plain(desk, params)


async def recursion(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`GetFunctionRecursionConfig`. Raises `Fault`."""
    return {"RecursiveLoop": _plain(desk, params).recursion}


async def put_recursion(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`PutFunctionRecursionConfig`: kept and told. A chain is ended all the same. Raises `Fault`."""
    deployed = _plain(desk, params)
    deployed.recursion = params["RecursiveLoop"]
    return {"RecursiveLoop": deployed.recursion}


def _plain(desk: Desk, params: Mapping[str, Any]) -> Deployed:
    """Return the function that is meant, whatever its qualifier. Raises `Fault`."""
    name, _ = split(params["FunctionName"], desk.registry.place)
    return desk.registry.deployed(name)


async def account(desk: Desk, _: Mapping[str, Any]) -> Mapping[str, Any]:
    """`GetAccountSettings`."""
    registry = desk.registry
    sizes = [
        v.settings["CodeSize"] for d in registry.functions.values() for v in (d.latest, *d.versions.values())
    ]
    sizes += [v["Content"]["CodeSize"] for each in registry.layers.values() for v in each.values()]
    return {
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": registry.concurrent,
            "UnreservedConcurrentExecutions": registry.concurrent - registry.set_apart(),
        },
        "AccountUsage": {"TotalCodeSize": sum(sizes), "FunctionCount": len(registry.functions)},
    }
