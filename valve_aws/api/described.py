"""A function as the Lambda API describes it.

Knows the members of `FunctionConfiguration` and their defaults. Does not know requests.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from valve_aws.api.names import LATEST, Place
from valve_aws.api.registry import Deployed, Settings, Version
from valve_aws.model.stack import Function


def stamp(seconds: float) -> str:
    """Return a time as the API writes it: `2024-01-31T10:20:30.123+0000`."""
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{text[:-3]}+0000"


def declared(function: Function, place: Place, now: float, revision: str) -> Deployed:
    """Return a function of the template as one that is deployed."""
    settings: Settings = {
        "FunctionName": function.name,
        "FunctionArn": function.arn,
        "Runtime": function.runtime,
        "Role": f"arn:aws:iam::{place.account}:role/{function.name}",
        "Handler": function.handler,
        "CodeSize": 0,
        "Description": "",
        "Timeout": function.timeout,
        "MemorySize": function.memory,
        "LastModified": stamp(now),
        "CodeSha256": "",
        "Version": LATEST,
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": revision,
        "PackageType": function.package,
        "Architectures": [function.architecture],
        "EphemeralStorage": {"Size": function.ephemeral},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function.name}"},
    }
    if function.environment:
        settings["Environment"] = {"Variables": dict(function.environment)}
    if function.layers:
        settings["Layers"] = [{"Arn": layer.name, "CodeSize": 0} for layer in function.layers]
    return Deployed(function.name, Version(function, settings), own=True)


def configuration(version: Version) -> dict[str, Any]:
    """Return a version's `FunctionConfiguration`, its state with it."""
    told: dict[str, Any] = {**version.settings, "State": version.state}
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
