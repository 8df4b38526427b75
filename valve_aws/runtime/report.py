"""The lines that the platform writes into a function's log: INIT_START, START, END, REPORT.

Knows AWS's text format (log format `Text`). Does not know where lines go.
Source: AWS Lambda developer guide, `Understanding the Lambda execution environment lifecycle`.
"""

from __future__ import annotations

import re
from math import ceil

from valve_aws.runtime.faults import ending

MIB = 1024 * 1024
NAMED = re.compile(r"([a-z]+?)\.?((?:al)?\d.*?)(?:\.x)?", re.ASCII)
"""A runtime's language and version, as its line has them: `nodejs22.x` is told as `nodejs:22`."""


def init_start(runtime: str, region: str) -> str:
    """Return a cold start's line; the runtime is not AWS's, so its version is `v0` and its hash zeros."""
    named = NAMED.fullmatch(runtime)
    name = f"{named[1]}:{named[2]}" if named else runtime
    arn = f"arn:aws:lambda:{region}::runtime:{'0' * 64}"
    return f"INIT_START Runtime Version: {name}.v0\tRuntime Version ARN: {arn}"


def init_report(seconds: float, status: str, error_type: str = "") -> str:
    """Return the line of a start that failed; `status` is `error` or `timeout`."""
    tail = f"\tError Type: {error_type}" if error_type else ""
    return f"INIT_REPORT Init Duration: {seconds * 1000:.2f} ms\tPhase: init\tStatus: {status}{tail}"


def start(ident: str, version: str = "$LATEST") -> str:
    """Return the first line of an invocation."""
    return f"START RequestId: {ident} Version: {version}"


def end(ident: str) -> str:
    """Return the line after an invocation's own lines."""
    return f"END RequestId: {ident}"


def timed_out(time: str, ident: str, seconds: float) -> str:
    """Return the line of a time-out; `time` is ISO 8601 UTC with milliseconds."""
    return f"{time} {ident} Task timed out after {seconds:.2f} seconds"


def exited(ident: str, status: int, error_type: str = "Runtime.ExitError") -> tuple[str, str]:
    """Return the two lines of a runtime that ended."""
    return f"RequestId: {ident} Error: {ending(status)}", error_type


def report(
    ident: str,
    seconds: float,
    memory: int,
    peak: int,
    init: float | None = None,
    status: str = "",
    error_type: str = "",
    trace: str = "",
) -> str:
    """Return the REPORT line; `trace` is the X-Ray header, told where it is sampled.

    `seconds` is the duration, `memory` the setting in MiB, `peak` the most memory used in bytes, `init` the
    seconds of the cold start that went before (billed since August 2025, AWS compute blog), `status` "",
    `error` or `timeout`.
    """
    billed = billed_ms(seconds, init)
    line = (
        f"REPORT RequestId: {ident}\tDuration: {seconds * 1000:.2f} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: {memory} MB\tMax Memory Used: {ceil(peak / MIB)} MB\t"
    )
    if init is not None:
        line += f"Init Duration: {init * 1000:.2f} ms\t"
    if status:
        line += f"Status: {status}"
    if error_type:
        line += f"\tError Type: {error_type}"
    if traced := sampled(trace):
        line += f"\nXRAY TraceId: {traced[0]}\tSegmentId: {traced[1]}\tSampled: true\t"
    return line


def billed_ms(seconds: float, init: float | None) -> int:
    """Return the milliseconds that are billed."""
    return ceil(round((seconds + (init or 0.0)) * 1000, 2))


def sampled(trace: str) -> tuple[str, str] | None:
    """Return (trace, segment) of an X-Ray header that says it is sampled."""
    if "Sampled=1" not in trace:
        return None
    parts = dict(part.strip().partition("=")[::2] for part in trace.split(";"))
    told = parts.get("Sampled") == "1" and parts.get("Root")
    return (parts["Root"], parts.get("Parent", "")) if told else None
