"""What the platform tells of an environment, each as listeners, logs of JSON and logs of text have it.

Knows AWS's event types, their records and levels. Does not know who is told.
Source: AWS Lambda developer guide, `Telemetry API Event schema reference`, `System log level event mapping`.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from valve_aws.model.telemetry import Told
from valve_aws.runtime import report as text
from valve_aws.runtime.report import MIB, billed_ms, exited, sampled, timed_out

__all__ = [
    "end",
    "exited",
    "init_done",
    "init_report",
    "init_start",
    "report",
    "runtime_done",
    "start",
    "timed_out",
]

ON_DEMAND = {"initializationType": "on-demand", "phase": "init"}


def init_start(runtime: str, region: str, function: str, version: str) -> Told:
    """Return the beginning of a cold start."""
    line = text.init_start(runtime, region)
    named = line.split("\t")
    record = {
        **ON_DEMAND,
        "runtimeVersion": named[0].rpartition(" ")[2],
        "runtimeVersionArn": named[1].rpartition(" ")[2],
        "functionName": function,
        "functionVersion": version,
    }
    return Told("platform.initStart", record, (line,))


def init_done(status: str = "success", error_type: str = "") -> Told:
    """Return the end of the runtime's own init."""
    record = _with(dict(ON_DEMAND), status=status, errorType=error_type)
    return Told("platform.initRuntimeDone", record, (), "DEBUG" if status == "success" else "WARN")


def init_report(seconds: float, status: str = "success", error_type: str = "") -> Told:
    """Return the report of an init; a log of text has a line of one that failed alone."""
    metrics = {"durationMs": _ms(seconds)}
    record = _with(dict(ON_DEMAND), status=status, errorType=error_type) | {"metrics": metrics}
    well = status == "success"
    lines = () if well else (text.init_report(seconds, status, error_type),)
    return Told("platform.initReport", record, lines, "DEBUG" if well else "WARN")


def start(ident: str, version: str, trace: str = "", tenant: str = "") -> Told:
    """Return the beginning of an invocation."""
    record = _with({"requestId": ident, "version": version}, tracing=_tracing(trace), tenantId=tenant)
    return Told("platform.start", record, (text.start(ident, version),))


def runtime_done(
    ident: str,
    status: str,
    seconds: float,
    produced: int,
    spans: list[dict[str, Any]],
    error_type: str = "",
    trace: str = "",
    tenant: str = "",
    lines: tuple[str, ...] = (),
) -> Told:
    """Return the end of the runtime's part in an invocation; `lines` are what a log of text has of it when it
    did not end well."""
    metrics = {"durationMs": _ms(seconds), "producedBytes": produced}
    record = {"requestId": ident, "status": status, "spans": spans, "metrics": metrics}
    told = _with(record, errorType=error_type, tracing=_tracing(trace), tenantId=tenant)
    return Told("platform.runtimeDone", told, lines, "DEBUG" if status == "success" else "WARN")


def end(ident: str) -> Told:
    """Return the end of an invocation's own lines."""
    return Told("platform.end", {"requestId": ident}, (text.end(ident),))


def report(
    ident: str,
    seconds: float,
    memory: int,
    peak: int,
    init: float | None = None,
    status: str = "",
    error_type: str = "",
    trace: str = "",
    tenant: str = "",
) -> Told:
    """Return the figures of an invocation; see `report.report`."""
    metrics: dict[str, Any] = {
        "durationMs": _ms(seconds),
        "billedDurationMs": billed_ms(seconds, init),
        "memorySizeMB": memory,
        "maxMemoryUsedMB": ceil(peak / MIB),
    }
    if init is not None:
        metrics["initDurationMs"] = _ms(init)
    record = {"requestId": ident, "metrics": metrics, "status": status or "success"}
    told = _with(record, errorType=error_type, tracing=_tracing(trace), tenantId=tenant)
    line = text.report(ident, seconds, memory, peak, init, status, error_type, trace)
    return Told("platform.report", told, tuple(line.split("\n")), "WARN" if status else "INFO")


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _tracing(trace: str) -> dict[str, str] | None:
    """Return an X-Ray header as events have it, where it is sampled."""
    traced = sampled(trace)
    return {"spanId": traced[1], "type": "X-Amzn-Trace-Id", "value": trace} if traced else None


def _with(record: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a record with what there is of `more`."""
    return record | {name: value for name, value in more.items() if value}
