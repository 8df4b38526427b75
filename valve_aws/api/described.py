"""A function as the Lambda API describes it, and as it is run.

Knows the members of `FunctionConfiguration` and their defaults. Does not know requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from valve_aws.api.code import Package
from valve_aws.api.names import LATEST, Place
from valve_aws.api.registry import Deployed, Settings, Version
from valve_aws.model.stack import Code, Function, Layer, Logging, Stack

DEFAULTS: Mapping[str, Any] = {
    "Description": "",
    "Timeout": 3,
    "MemorySize": 128,
    "PackageType": "Zip",
    "Architectures": ["x86_64"],
    "TracingConfig": {"Mode": "PassThrough"},
    "EphemeralStorage": {"Size": 512},
}
"""What a function has that says nothing (Lambda API reference, CreateFunction)."""

LISTED_WITHOUT = frozenset({"RuntimeVersionConfig"})
"""Members that a list leaves out, the state beside them."""

KEPT = (
    "Runtime Role Handler Description Timeout MemorySize PackageType Architectures TracingConfig "
    "EphemeralStorage Environment VpcConfig KMSKeyArn FileSystemConfigs DeadLetterConfig "
    "TenancyConfig".split()
)
"""Members that go from a request into the settings as they are."""


def stamp(seconds: float) -> str:
    """Return a time as the API writes it: `2024-01-31T10:20:30.123+0000`."""
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{text[:-3]}+0000"


def settings(name: str, place: Place, given: Mapping[str, Any], package: Package) -> Settings:
    """Return the settings of a function that is created."""
    told: Settings = {"FunctionName": name, "FunctionArn": place.arn(name), "Version": LATEST, **DEFAULTS}
    told |= {member: given[member] for member in KEPT if member in given}
    told |= {"CodeSha256": package.digest, "CodeSize": package.size}
    if "VpcConfig" in given:
        told["VpcConfig"] = network(given["VpcConfig"])
    told["SnapStart"] = snaps(given.get("SnapStart") or {})
    told["LoggingConfig"] = logging(name, {}, given.get("LoggingConfig") or {})
    told["RuntimeVersionConfig"] = runtime_version(place, given.get("Runtime") or "")
    return told


def network(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return `VpcConfig` as it is told; not applied, as every call goes through the valve anyway."""
    told = {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": "", "Ipv6AllowedForDualStack": False}
    return {**told, **given}


def snaps(given: Mapping[str, Any], version: bool = False) -> dict[str, str]:
    """Return `SnapStart` of a function, or of a published version."""
    applies = given.get("ApplyOn") or "None"
    on = version and applies == "PublishedVersions"
    return {"ApplyOn": applies, "OptimizationStatus": "On" if on else "Off"}


def logging(name: str, before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, str]:
    """Return `LoggingConfig` with what is told laid over what was there; levels belong to JSON alone."""
    told = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}", **before, **given}
    if told["LogFormat"] == "JSON":
        return {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **told}
    return {k: v for k, v in told.items() if not k.endswith("LogLevel")}


def logged(function: Function) -> dict[str, str]:
    """Return what a template says of a function's log."""
    there = function.logging
    levels = {"ApplicationLogLevel": there.application, "SystemLogLevel": there.system}
    told = {"LogFormat": there.format, "LogGroup": there.group, **levels}
    return {member: value for member, value in told.items() if value}


def _logging(told: Mapping[str, str]) -> Logging:
    """Return how a function's log is written."""
    return Logging(
        told.get("LogFormat") or "Text",
        told.get("ApplicationLogLevel") or "",
        told.get("SystemLogLevel") or "",
        told.get("LogGroup") or "",
    )


def runtime_version(place: Place, runtime: str) -> dict[str, str]:
    """Return which build of a runtime this is: one for each name, as nothing is patched here."""
    digest = sha256(runtime.encode()).hexdigest()
    return {"RuntimeVersionArn": f"arn:aws:lambda:{place.region}::runtime:{digest}"}


def tags(own: Mapping[str, str], logical: str, stack: Stack) -> dict[str, str]:
    """Return the tags of what a template makes (CloudFormation user guide, "Resource tags")."""
    system = {"logical-id": logical, "stack-id": stack.ident, "stack-name": stack.name}
    return {**{f"aws:cloudformation:{name}": value for name, value in system.items()}, **own}


def declared(function: Function, stack: Stack, place: Place, now: float, revision: str) -> Deployed:
    """Return a function of the template as one that is deployed."""
    told: Settings = {
        "FunctionName": function.name,
        "FunctionArn": function.arn,
        "Version": LATEST,
        **DEFAULTS,
        "Runtime": function.runtime,
        "Role": function.role,
        "Handler": function.handler,
        "CodeSize": 0,
        "Timeout": function.timeout,
        "MemorySize": function.memory,
        "LastModified": stamp(now),
        "CodeSha256": "",
        "RevisionId": revision,
        "PackageType": function.package,
        "Architectures": [function.architecture],
        "EphemeralStorage": {"Size": function.ephemeral},
        "SnapStart": snaps({"ApplyOn": "PublishedVersions"} if function.restored else {}),
        "LoggingConfig": logging(function.name, {}, logged(function)),
        "TracingConfig": {"Mode": "Active" if function.traced else "PassThrough"},
        "RuntimeVersionConfig": runtime_version(place, function.runtime),
    }
    if function.environment:
        told["Environment"] = {"Variables": dict(function.environment)}
    if function.afterwards.dead_letters:
        told["DeadLetterConfig"] = {"TargetArn": function.afterwards.dead_letters}
    if function.isolates:
        told["TenancyConfig"] = {"TenantIsolationMode": "PER_TENANT"}
    if function.layers:
        told["Layers"] = [{"Arn": layer.name, "CodeSize": 0} for layer in function.layers]
    return Deployed(
        function.name,
        Version(function, told),
        reserved=function.reserved,
        tags=tags(function.tags, function.logical, stack),
        own=True,
    )


def runnable(
    settings: Settings, code: Path | None, layers: Iterable[tuple[str, Path]], before: Function
) -> Function:
    """Return the function that settings describe; `before` is what it was, or a bare one of its names."""
    layered = tuple(Layer(arn, Code(archive=path)) for arn, path in layers)
    return replace(
        before,
        handler=settings.get("Handler") or "",
        runtime=settings.get("Runtime") or "",
        role=settings.get("Role") or "",
        code=Code(archive=code) if code else before.code,
        layers=layered if "Layers" in settings else before.layers,
        environment=dict((settings.get("Environment") or {}).get("Variables") or {}),
        timeout=settings["Timeout"],
        memory=settings["MemorySize"],
        ephemeral=settings["EphemeralStorage"]["Size"],
        architecture=settings["Architectures"][0],
        logging=_logging(settings.get("LoggingConfig") or {}),
        traced=(settings.get("TracingConfig") or {}).get("Mode") == "Active",
        restored=settings["SnapStart"]["ApplyOn"] == "PublishedVersions",
        isolates=(settings.get("TenancyConfig") or {}).get("TenantIsolationMode") == "PER_TENANT",
        revision=settings["RevisionId"],
    )


def configuration(version: Version, arn: str = "", listed: bool = False) -> dict[str, Any]:
    """Return a version's `FunctionConfiguration` under the ARN that it was asked for by; `listed` as lists
    have
    it."""
    told: dict[str, Any] = {**version.settings}
    if arn:
        told["FunctionArn"] = arn
    if listed:
        return {k: v for k, v in told.items() if k not in LISTED_WITHOUT}
    told["State"] = version.state
    for member, value in (("StateReason", version.why), ("StateReasonCode", version.code)):
        if value:
            told[member] = value
    if version.state != "Pending":
        told["LastUpdateStatus"] = version.update
        for member, value in (
            ("LastUpdateStatusReason", version.update_why),
            ("LastUpdateStatusReasonCode", version.update_code),
        ):
            if value:
                told[member] = value
    return told
