"""What wakes a function and what becomes of its events: as the API keeps it, and as a stack has it.

Knows both forms. Does not wake anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from valve_aws.api.described import tags
from valve_aws.api.mappings import DEFAULTS, TOLD
from valve_aws.api.names import LATEST, split
from valve_aws.api.registry import Deployed, Registry, Settings, Version
from valve_aws.model.stack import Afterwards, Function, Stack, Trigger

KINDS = {"sqs": "SQS", "dynamodb": "DynamoDB", "kinesis": "Kinesis"}
"""Service of a source → SAM's type of event."""


def wired(registry: Registry, deployed: Deployed) -> Function:
    """Return `$LATEST` of a function with what wakes it, and what becomes of events that nobody waits for."""
    function = deployed.latest.function
    kept = tuple(t for t in function.triggers if t.kind not in KINDS.values())
    place = registry.place
    woken = tuple(
        Trigger(
            function.logical,
            mapping.get("@name") or mapping["UUID"],
            KINDS[mapping["EventSourceArn"].split(":")[2]],
            mapping["EventSourceArn"],
            {**mapping, "Enabled": mapping["@enabled"]},
            version=qualifier.replace(LATEST, ""),
        )
        for mapping in registry.mappings.values()
        for name, qualifier in (split(mapping["FunctionArn"], place),)
        if name == deployed.name
    )
    return replace(
        function,
        triggers=kept + woken,
        afterwards=afterwards(deployed, LATEST),
        reserved=limit(deployed, deployed.latest),
    )


def found(registry: Registry, arn: str, qualifier: str, draw: float) -> Function | None:
    """Return what a qualifier of a function means, as it is run; None when it means nothing."""
    deployed = registry.functions.get(arn.rpartition(":")[2])
    if deployed is None or qualifier not in {*deployed.versions, *deployed.aliases}:
        return None
    version = registry.version(deployed.name, qualifier, draw)
    return replace(
        version.function, afterwards=afterwards(deployed, qualifier), reserved=limit(deployed, version)
    )


def limit(deployed: Deployed, version: Version) -> int | None:
    """Return how many events a version may let a function serve at once: what is provisioned for others is
    not there for it."""
    if deployed.reserved is None:
        return None
    others = sum(
        int(told["RequestedProvisionedConcurrentExecutions"])
        for qualifier, told in deployed.provisioned.items()
        if version.number not in (qualifier, deployed.aliases.get(qualifier, {}).get("FunctionVersion"))
    )
    return max(0, deployed.reserved - others)


def afterwards(deployed: Deployed, qualifier: str) -> Afterwards:
    """Return what becomes of events that came in under a qualifier."""
    told = deployed.invokes.get(qualifier or LATEST, {})
    places = told.get("DestinationConfig") or {}
    letters = deployed.latest.settings.get("DeadLetterConfig") or {}
    plain = Afterwards()
    return Afterwards(
        int(told.get("MaximumRetryAttempts", plain.retries)),
        int(told.get("MaximumEventAgeInSeconds", plain.age)),
        str((places.get("OnSuccess") or {}).get("Destination") or ""),
        str((places.get("OnFailure") or {}).get("Destination") or ""),
        str(letters.get("TargetArn") or ""),
    )


def invoke_config(function: Function, arn: str, now: float) -> Settings | None:
    """Return the `FunctionEventInvokeConfig` of a function of the template, None when it says nothing."""
    told, plain = function.afterwards, Afterwards()
    if replace(told, dead_letters="") == plain:
        return None
    found: Settings = {"LastModified": now, "FunctionArn": arn}
    if told.retries != plain.retries:
        found["MaximumRetryAttempts"] = told.retries
    if told.age != plain.age:
        found["MaximumEventAgeInSeconds"] = told.age
    places = (("OnSuccess", told.on_success), ("OnFailure", told.on_failure))
    found["DestinationConfig"] = {name: {"Destination": to} if to else {} for name, to in places}
    return found


def mapping(
    trigger: Trigger, function: Function, stack: Stack, ident: str, arn: str, now: float
) -> Settings | None:
    """Return the event source mapping that a trigger of the template is, None when it is none."""
    service = next((s for s, kind in KINDS.items() if kind == trigger.kind), "")
    if not service or not trigger.source:
        return None
    told: Mapping[str, Any] = trigger.properties
    enabled = str(told.get("Enabled", True)).lower() != "false"
    # Why: what SAM makes of an event of a function has both names, what stands for itself its own.
    logical = trigger.name if "EventSourceArn" in told else function.logical + trigger.name
    own = {str(each["Key"]): str(each["Value"]) for each in told.get("Tags") or ()}
    return {
        **DEFAULTS[service],
        **{member: told[member] for member in TOLD if member in told},
        "UUID": ident,
        "EventSourceMappingArn": arn,
        "EventSourceArn": trigger.source,
        "FunctionArn": function.arn,
        "LastModified": now,
        "State": "Enabled" if enabled else "Disabled",
        "@name": trigger.name,
        "@enabled": enabled,
        "@tags": tags(own, logical, stack),
    }
