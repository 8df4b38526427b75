"""The Telemetry API (2022-07-01) and the Logs API (2020-08-15): who may listen, and how an event is told.

Knows their schemas. Does not deliver anything.
Source: AWS Lambda developer guide, `Telemetry API reference`, `Event schema reference`, `Logs API`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from valve_aws.model.telemetry import Subscription, Told

PATHS = {"/2022-07-01/telemetry": "Telemetry", "/2020-08-15/logs": "Logs"}
SCHEMAS = {
    "Telemetry": ("2022-07-01", "2022-12-13", "2025-01-29"),
    "Logs": ("2020-08-15", "2021-03-18"),
}
"""The first one is meant where none is named."""
TYPES = ("platform", "function", "extension")
HOSTS = {"sandbox", "sandbox.localdomain"}
RESERVED = {53, 80, 443, 9001}
"""Ports that the platform itself answers inside; on AWS 9001 alone."""
PATH = re.compile(r"(?:/[!-~]{0,1000})?", re.ASCII)
BUFFERING = {
    "maxItems": (1000, 10000, 10000),
    "maxBytes": (262144, 1048576, 262144),
    "timeoutMs": (25, 30000, 1000),
}
"""Name → (least, most, otherwise)."""
LINES_ALONE = {"2022-07-01", *SCHEMAS["Logs"]}
"""Schemas in which every line is text."""
SILENT: Mapping[str, frozenset[str]] = {
    "Telemetry": frozenset({"platform.end", "platform.logsSubscription"}),
    "Logs": frozenset(
        {
            "platform.initStart",
            "platform.initRuntimeDone",
            "platform.initReport",
            "platform.telemetrySubscription",
        }
    ),
}
"""What an API does not tell of."""
LOGS_RECORDS: Mapping[str, tuple[str, ...]] = {
    "platform.start": ("requestId", "version"),
    "platform.report": ("requestId", "metrics"),
    "platform.runtimeDone": ("requestId", "status"),
}
"""What of a record the older API has."""


class Unfit(Exception):
    """A subscription that is none; the message says why."""


def subscription(api: str, extension: str, body: bytes) -> Subscription:
    """Read a request to subscribe. Raises `Unfit`."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise Unfit("Invalid JSON") from None
    if not isinstance(asked, dict):
        raise Unfit("request must be an object")
    schema = asked.get("schemaVersion", SCHEMAS[api][0])
    if schema not in SCHEMAS[api]:
        raise Unfit(f"schemaVersion must be one of {', '.join(SCHEMAS[api])}")
    types = asked.get("types")
    if not isinstance(types, list) or not types or not all(each in TYPES for each in types):
        raise Unfit(f"types must have some of {', '.join(TYPES)}")
    port, path = _destination(asked.get("destination"))
    wanted = asked.get("buffering") or {}
    items, size, wait = (_within(wanted, name) for name in ("maxItems", "maxBytes", "timeoutMs"))
    return Subscription(extension, api, schema, frozenset(types), port, path, items, size, wait / 1000)


def _destination(asked: Any) -> tuple[int, str]:
    """Return (port, path); the path is "" for TCP.

    Invariant: whatever host it names, it is called within the environment itself.
    """
    if not isinstance(asked, dict):
        raise Unfit("destination is required")
    protocol = str(asked.get("protocol", "")).upper()
    if protocol == "TCP":
        port, path = asked.get("port"), ""
    elif protocol == "HTTP":
        try:
            parts = urlsplit(str(asked.get("URI", "")))
            port = parts.port or 80
        except ValueError:
            raise Unfit("destination.URI cannot be read") from None
        if parts.scheme != "http" or parts.hostname not in HOSTS:
            raise Unfit("destination.URI host must be sandbox.localdomain")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not PATH.fullmatch(path):
            raise Unfit("destination.URI cannot be read")
    else:
        raise Unfit("destination.protocol must be HTTP or TCP")
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536 or port in RESERVED:
        raise Unfit("destination port is not one that an extension may listen on")
    return port, path


def _within(wanted: Any, name: str) -> int:
    least, most, otherwise = BUFFERING[name]
    value = wanted.get(name, otherwise) if isinstance(wanted, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Unfit(f"buffering.{name} must be from {least} to {most}")
    return value


def subscribed(subscription: Subscription) -> Told:
    """Return what is told of a new listener."""
    api, name = subscription.api, subscription.extension
    types = [each for each in TYPES if each in subscription.types]
    shown = ", ".join(each.capitalize() for each in types)
    word = "logs" if api == "Logs" else "telemetry"
    line = f"{word.upper()}\tName: {name}\tState: Subscribed\tTypes: [{shown}]"
    record = {"name": name, "state": "Subscribed", "types": types}
    return Told(f"platform.{word}Subscription", record, (line,))


def dropped(records: int, size: int) -> Told:
    """Return what is told of events that a listener was too slow for."""
    why = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."
    record = {"droppedBytes": size, "droppedRecords": records, "reason": why}
    return Told("platform.logsDropped", record, level="WARN")


def shaped(to: Subscription, told: Told, time: str, structured: bool) -> bytes | None:
    """Return an event as a listener gets it, as JSON; None when it does not listen to such.

    `structured`: the function's log format is JSON, so that a line which is an object is told as one.
    """
    category = told.kind.partition(".")[0]
    if category not in to.types or told.kind in SILENT[to.api]:
        return None
    record = told.record
    if isinstance(record, str):
        if structured and to.schema not in LINES_ALONE:
            try:
                return _written(told, time, _object(record))
            except RecursionError:  # Why: JSON that can be read may be too deep to be written within another
                pass
    elif to.api == "Logs" and (known := LOGS_RECORDS.get(told.kind)):
        if told.kind == "platform.runtimeDone" and to.schema == "2020-08-15":
            return None
        record = {name: record[name] for name in known if name in record}
    return _written(told, time, record)


def _written(told: Told, time: str, record: Any) -> bytes:
    event = {"time": time, "type": told.kind, "record": record}
    return json.dumps(event, separators=(",", ":"), default=str).encode()


def _object(line: str) -> Mapping[str, Any] | str:
    """Return a line as the object that it is in JSON, else as it is."""
    if not line.startswith("{"):
        return line
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        return line
    return read if isinstance(read, dict) else line
