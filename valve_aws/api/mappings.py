"""Event source mappings: made, told, changed, deleted.

Knows these operations, the defaults of each kind of source, and the errors. Does not read any source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from valve_aws.api.desk import Desk
from valve_aws.api.fault import conflict, invalid, missing
from valve_aws.api.names import LATEST, split
from valve_aws.api.paging import page
from valve_aws.api.registry import Settings

STREAM: Mapping[str, Any] = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "BisectBatchOnFunctionError": False,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "TumblingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
    "DestinationConfig": {"OnFailure": {}},
    "LastProcessingResult": "No records processed",
    "StateTransitionReason": "User action",
}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "sqs": {
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
        "StateTransitionReason": "USER_INITIATED",
    },
    "dynamodb": STREAM,
    "kinesis": STREAM,
}
"""Service of a source → what a mapping of it has that says nothing (Lambda API reference)."""

TOLD = (
    "BatchSize MaximumBatchingWindowInSeconds ParallelizationFactor BisectBatchOnFunctionError "
    "StartingPosition "
    "StartingPositionTimestamp MaximumRecordAgeInSeconds MaximumRetryAttempts TumblingWindowInSeconds "
    "FunctionResponseTypes DestinationConfig FilterCriteria ScalingConfig KMSKeyArn MetricsConfig".split()
)
"""Members that go from a request into the mapping as they are."""


TWICE = {
    "sqs": 'An event source mapping with SQS arn (" {} ") and function (" {} ") already exists. '
    "Please update or delete the existing mapping with UUID {}",
    "stream": 'The event source arn (" {} ") and function (" {} ") provided mapping already exists. '
    "Please update or delete the existing mapping with UUID {}",
}
"""What is said of a second mapping, by what its source is."""


async def create(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`CreateEventSourceMapping`. Raises `Fault`."""
    source, place = params.get("EventSourceArn") or "", desk.registry.place
    if params.get("SelfManagedEventSource") or source.split(":")[2:3] in (["kafka"], ["mq"], ["docdb"]):
        raise desk.lacking("an event source of Kafka, MQ or DocumentDB")
    if not source:
        raise invalid("Unrecognized event source.")
    service = source.split(":")[2]
    if service not in DEFAULTS:
        raise desk.lacking(f"an event source of `{service}`")
    told = params.get("DestinationConfig") or {}
    if (told.get("OnSuccess") or {}).get("Destination") or (service == "sqs" and told):
        raise invalid("Unsupported DestinationConfig parameter for given event source mapping type.")
    if service != "sqs":
        if not params.get("StartingPosition"):
            raise invalid(
                "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
                "Member must not be null."
            )
        if service == "dynamodb" and params["StartingPosition"] == "AT_TIMESTAMP":
            raise invalid(f"Unsupported starting position for arn type: {source}")
    function = _function(desk, params)
    _fits(desk, params, service)
    _alone(desk, source, function)
    if lacks := await desk.engine.lacks(source):
        raise invalid(lacks)
    ident = desk.ident()
    mapping: Settings = {
        "UUID": ident,
        "EventSourceMappingArn": place.mapping(ident),
        "EventSourceArn": source,
        "FunctionArn": function,
        **DEFAULTS[service],
        **{member: params[member] for member in TOLD if member in params},
        "LastModified": desk.now(),
        "State": "Creating" if params.get("Enabled", True) else "Disabled",
        "@enabled": params.get("Enabled", True),
        "@tags": dict(params.get("Tags") or {}),
    }
    if not (mapping.get("FilterCriteria") or {}).get("Filters"):
        mapping.pop("FilterCriteria", None)
    desk.registry.mappings[ident] = mapping
    desk.behind(_enabled(desk, mapping))
    return _told(desk, mapping)


def _alone(desk: Desk, source: str, function: str) -> None:
    """See that a source does not wake a function twice. Raises `Fault`."""
    for each in desk.registry.mappings.values():
        if (each["EventSourceArn"], each["FunctionArn"]) == (source, function):
            saying = TWICE["sqs" if source.split(":")[2] == "sqs" else "stream"]
            raise conflict(saying.format(source, split(function, desk.registry.place)[0], each["UUID"]))


def _fits(desk: Desk, params: Mapping[str, Any], service: str) -> None:
    """See that a batch is not larger than its source gives, and that filters can be read. Raises `Fault`."""
    filters = (params.get("FilterCriteria") or {}).get("Filters") or ()
    if not all(desk.engine.readable(each["Pattern"]) for each in filters if "Pattern" in each):
        raise invalid("Invalid filter pattern definition.")
    size = params.get("BatchSize") or 1
    if service == "sqs" and size > 10 and not params.get("MaximumBatchingWindowInSeconds"):
        raise invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )


def _function(desk: Desk, params: Mapping[str, Any]) -> str:
    """Return the ARN of the function that is meant. Raises `Fault`."""
    name, qualifier = split(params["FunctionName"], desk.registry.place)
    deployed = desk.registry.functions.get(name)
    if deployed is None or qualifier not in {"", LATEST, *deployed.versions, *deployed.aliases}:
        raise invalid("Function does not exist")
    return desk.registry.place.arn(deployed.name, qualifier)


async def _enabled(desk: Desk, mapping: Settings) -> None:
    """Let the source wake its function, or no longer."""
    await desk.changed()
    mapping["State"] = "Enabled" if mapping["@enabled"] else "Disabled"


def _told(desk: Desk, mapping: Settings) -> dict[str, Any]:
    told = {k: v for k, v in mapping.items() if not k.startswith("@")}
    deployed = desk.registry.functions.get(split(mapping["FunctionArn"], desk.registry.place)[0])
    if "LastProcessingResult" in told and deployed is not None:
        trigger = str(mapping.get("@name") or mapping["UUID"])
        result = desk.engine.processed(deployed.latest.function, trigger)
        told["LastProcessingResult"] = result or told["LastProcessingResult"]
    return told


def _there(desk: Desk, params: Mapping[str, Any]) -> Settings:
    found = desk.registry.mappings.get(params["UUID"])
    if found is None:
        raise missing()
    return found


async def get(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`GetEventSourceMapping`. Raises `Fault`."""
    return _told(desk, _there(desk, params))


async def update(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`UpdateEventSourceMapping`. Raises `Fault`."""
    mapping = _there(desk, params)
    if params.get("FunctionName"):
        mapping["FunctionArn"] = _function(desk, params)
    _fits(desk, {**mapping, **params}, mapping["EventSourceArn"].split(":")[2])
    mapping |= {member: params[member] for member in TOLD if member in params}
    before = mapping["@enabled"]
    after = mapping["@enabled"] = params.get("Enabled", before)
    mapping["LastModified"] = desk.now()
    mapping["State"] = "Updating" if after is before else "Enabling" if after else "Disabling"
    desk.behind(_enabled(desk, mapping))
    return _told(desk, mapping)


async def delete(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`DeleteEventSourceMapping`. Raises `Fault`."""
    mapping = _there(desk, params)
    del desk.registry.mappings[params["UUID"]]
    await desk.changed()
    return {**_told(desk, mapping), "State": "Deleting"}


async def list_all(desk: Desk, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """`ListEventSourceMappings`."""
    found = [_told(desk, mapping) for mapping in desk.registry.mappings.values()]
    if source := params.get("EventSourceArn"):
        found = [each for each in found if each["EventSourceArn"] == source]
    if params.get("FunctionName"):
        name, qualifier = split(params["FunctionName"], desk.registry.place)
        found = [each for each in found if each["FunctionArn"] == desk.registry.place.arn(name, qualifier)]
    return page("EventSourceMappings", found, params, most=100)
