"""What a bus or a schedule hands to its targets.

Knows EventBridge's events, rules' patterns and what a target makes of an event (EventBridge user guide,
"Events", "Input transformation"). Does not know who the targets are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from valve_aws.model.stack import Resource
from valve_aws.triggers.filters import matches

STARTING = frozenset({"EventBridgeRule", "CloudWatchEvent", "Schedule", "ScheduleV2"})
"""Types of SAM's events that start a state machine by themselves (SAM reference, StateMachineEventSource)."""

SHAPING = ("Input", "InputPath", "InputTransformer")

FIELD = re.compile(r"<([A-Za-z0-9_.-]+)>")
STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]|\['([^']+)'\]")


def put(
    params: Mapping[str, Any], idents: list[str], region: str, account: str, time: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (bus, event) of what a PutEvents has put there; `idents` are the ids that it was answered, ""
    where an entry was not taken."""
    for entry, ident in zip(params.get("Entries") or (), idents, strict=False):
        if ident:
            bus = str(entry.get("EventBusName") or "default").rpartition("/")[2]
            yield bus, event(entry, ident, region, account, time)


def event(entry: Mapping[str, Any], ident: str, region: str, account: str, time: str) -> dict[str, Any]:
    """Return an event as rules and targets see it. `time` is ISO 8601 in seconds."""
    try:
        detail = json.loads(entry.get("Detail") or "{}")
    except (ValueError, RecursionError):
        detail = {}
    return {
        "version": "0",
        "id": ident,
        "detail-type": entry.get("DetailType") or "",
        "source": entry.get("Source") or "",
        "account": account,
        "time": time,
        "region": region,
        "resources": list(entry.get("Resources") or ()),
        "detail": detail,
    }


def scheduled(rule: str, ident: str, region: str, account: str, time: str) -> dict[str, Any]:
    """Return the event of a rule with a schedule; `rule` is its ARN."""
    return {
        "version": "0",
        "id": ident,
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": account,
        "time": time,
        "region": region,
        "resources": [rule],
        "detail": {},
    }


def rules(resources: Iterable[Resource]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (name, rule) of all that matches events or keeps a schedule for targets which are no functions of
    their own right: rules, schedules, and what SAM makes of a state machine's `Events`."""
    for resource in resources:
        told = resource.properties
        if resource.kind == "AWS::Events::Rule":
            yield resource.logical, told
        elif resource.kind == "AWS::Scheduler::Schedule":
            target = told.get("Target")
            if isinstance(target, Mapping) and ":lambda:" not in str(target.get("Arn") or ""):
                yield resource.logical, {**told, "Targets": [{"Input": "{}", **target}]}
        elif resource.kind == "AWS::StepFunctions::StateMachine" and isinstance(told.get("Events"), Mapping):
            for name, node in told["Events"].items():
                given = node.get("Properties") if isinstance(node, Mapping) else None
                if isinstance(given, Mapping) and node.get("Type") in STARTING:
                    constant = {"Input": "{}"} if node["Type"] == "ScheduleV2" else {}
                    shape = {k: given[k] for k in SHAPING if k in given}
                    yield f"{resource.logical}{name}", {
                        **{k: v for k, v in given.items() if k not in SHAPING},
                        "ScheduleExpression": given.get("Schedule") or given.get("ScheduleExpression"),
                        "Targets": [{"Arn": resource.arn, **constant, **shape}],
                    }


def wanted(event: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    """Say whether a rule, SAM's event or CloudFormation's, lets an event through. Raises ValueError."""
    pattern = told.get("Pattern") or told.get("EventPattern")
    return bool(pattern) and on(told) and matches(event, pattern)


def on(told: Mapping[str, Any]) -> bool:
    """Say whether a rule or a schedule is switched on."""
    state = str(told.get("State") or "").upper()
    return state != "DISABLED" and str(told.get("Enabled", True)).lower() != "false"


def shaped(event: Mapping[str, Any], target: Mapping[str, Any]) -> bytes:
    """Return what a target gets of an event: all, a constant, a part, or text made of parts."""
    if target.get("Input") is not None:
        told = target["Input"]
        return told.encode() if isinstance(told, str) else json.dumps(told).encode()
    if target.get("InputPath"):
        return json.dumps(at(event, str(target["InputPath"])), ensure_ascii=False).encode()
    transformer = target.get("InputTransformer")
    if isinstance(transformer, Mapping):
        return _transformed(event, transformer)
    return json.dumps(event, ensure_ascii=False).encode()


def at(value: Any, path: str) -> Any:
    """Return what a path (`$.detail.items[0]`) leads to; None for nothing."""
    for name, index, quoted in STEP.findall(path.removeprefix("$")):
        try:
            value = value[int(index)] if index else value[name or quoted]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _transformed(event: Mapping[str, Any], transformer: Mapping[str, Any]) -> bytes:
    """Fill a template: within a text a value stands bare, elsewhere as JSON."""
    paths = transformer.get("InputPathsMap") or {}
    found = {name: at(event, str(path)) for name, path in paths.items()}
    found["aws.events.event"] = found["aws.events.event.json"] = event
    template = str(transformer.get("InputTemplate") or "")
    return filled(template, FIELD, lambda name: found.get(name, UNKNOWN)).encode()


UNKNOWN = object()
"""What a template's field stands for that means nothing: it stays as it is."""


def filled(template: str, field: re.Pattern[str], value: Callable[[str], Any], bare: bool = False) -> str:
    """Return a template with its fields replaced by what their names mean: within a text a value stands bare,
    elsewhere as JSON. `bare`: all of it is a text, and no JSON."""

    def written(m: re.Match[str]) -> str:
        inner = value(m[1])
        if inner is UNKNOWN:
            return m[0]
        text = json.dumps(inner, ensure_ascii=False)
        if bare:
            return inner if isinstance(inner, str) else text
        if not _within_text(template, m.start()):
            return text
        return text[1:-1] if isinstance(inner, str) else text.replace('"', '\\"')

    return field.sub(written, template)


def _within_text(template: str, place: int) -> bool:
    """Say whether a place lies between the quotes of a text."""
    return template[:place].replace('\\"', "").count('"') % 2 == 1
